//! What is asked, and what is answered.

use event::Event;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::StoreError;

/// A record whose outcome is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendedRecord {
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

/// A row whose columns are the verdict and a dead letter's value. A dead letter bears no key: it is the asked
/// record's if its bytes are.
pub(super) fn of_row_with_value(row: &PgRow, record: &AppendedRecord) -> Result<Verdict, StoreError> {
    let verdict = of_row(row)?;
    if verdict != Verdict::DeadLetter {
        return Ok(verdict);
    }
    let value: Option<Vec<u8>> = row.try_get(1)?;
    let event = value.and_then(|value| Event::parse(&value).ok());
    let is_asked = event
        .is_some_and(|event| (event.topic.as_str(), event.event_id.as_str()) == (&*record.topic, &*record.event_id));
    Ok(if is_asked { Verdict::DeadLetter } else { Verdict::Unknown })
}

/// A row whose first column is the verdict.
pub(crate) fn of_row(row: &PgRow) -> Result<Verdict, StoreError> {
    let verdict = match row.try_get::<&str, _>(0)? {
        "stored" => Verdict::Stored,
        "duplicate" => Verdict::Duplicate,
        "conflict" => Verdict::Conflict,
        "dead_letter" => Verdict::DeadLetter,
        _ => Verdict::Unknown,
    };
    Ok(verdict)
}
