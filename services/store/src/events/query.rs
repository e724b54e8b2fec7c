//! What is listed.

/// Which events are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// Those of one topic, oldest first.
    Topic(&'a str),
    /// All, newest first.
    All,
}
