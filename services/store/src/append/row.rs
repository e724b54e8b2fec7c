//! What is written to `events`.

use event::Event;

/// One event that the database must answer for.
pub(super) struct Candidate<'a> {
    /// Its place in the batch.
    pub(super) index: usize,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) event: &'a Event,
}
