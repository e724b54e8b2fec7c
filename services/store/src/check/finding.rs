//! What is said of one thing that was looked at.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it must be.
    Ok,
    /// It goes on, with less than what is promised.
    Warn,
    /// It can't go on like this.
    Fail,
    /// It could not be found out.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found, in the database's own words where it refuses something.
    pub detail: String,
    /// What mends it: a statement, or a command.
    pub fix: Option<String>,
}
