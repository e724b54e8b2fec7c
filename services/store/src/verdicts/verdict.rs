//! What is asked, and what is answered.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::StoreError;

/// A record whose outcome is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The event's topic.
    pub topic: Box<str>,
    /// The event's id within its topic.
    pub event_id: Box<str>,
    /// The Kafka partition that holds the record.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It made the row that bears its key.
    Stored,
    /// Another record, of this log or an older one, had made that row before, and no other key's row
    /// bears this position.
    Duplicate,
    /// As a duplicate, but with another payload: it is in `conflicts`.
    Conflict,
    /// It could not be stored: it is in `dead_letters`.
    DeadLetter,
    /// The tables don't say: not stored yet, removed since, or the position is of another log.
    Unknown,
}

/// A row whose one column is the verdict.
pub(super) fn of_row(row: &PgRow) -> Result<Verdict, StoreError> {
    let verdict = match row.try_get::<&str, _>(0)? {
        "stored" => Verdict::Stored,
        "duplicate" => Verdict::Duplicate,
        "conflict" => Verdict::Conflict,
        "dead_letter" => Verdict::DeadLetter,
        _ => Verdict::Unknown,
    };
    Ok(verdict)
}
