//! What the server says, as far as it is judged.

use serde::{Deserialize, Serialize};

/// What became of one copy of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// This copy made the row.
    Stored,
    /// Another copy had made it, with an equal payload.
    Duplicate,
    /// Another copy had made it, with a different payload.
    Conflict,
    /// This copy cannot be stored.
    DeadLetter,
}

/// The body of a 200 or 202 to `POST /publish`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PublishAnswer {
    /// `ok` or `queued`.
    pub status: Option<String>,
    /// Events in the request.
    pub received: Option<u64>,
    /// New events (200), or all of them (202).
    pub accepted: Option<u64>,
    /// New events.
    pub unique_processed: Option<u64>,
    /// New events, under another name.
    pub processed_count: Option<u64>,
    /// Events that made no row because one with their id was there.
    pub duplicate_dropped: Option<u64>,
    /// The same under another name.
    pub duplicates: Option<u64>,
    /// How many of those had another payload.
    pub conflicts: Option<u64>,
    /// Events that cannot be stored.
    pub dead_letters: Option<u64>,
    /// One per event, in the request's order.
    pub events: Option<Vec<EventAnswer>>,
}

/// What is said of one event.
#[derive(Clone, Debug, Deserialize)]
pub struct EventAnswer {
    /// Its topic.
    pub topic: String,
    /// Its id.
    pub event_id: String,
    /// Its verdict; none in a 202.
    pub outcome: Option<Outcome>,
    /// The partition of the record.
    pub partition: Option<i32>,
    /// The offset of the record.
    pub offset: Option<i64>,
}

/// One row as `GET /events` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredEvent {
    /// Its topic.
    pub topic: String,
    /// Its id.
    pub event_id: String,
    /// When it happened.
    pub timestamp: String,
    /// Who sent it.
    pub source: String,
    /// Its payload.
    pub payload: serde_json::Value,
    /// The partition of the record that made the row.
    pub partition: i32,
    /// The offset of that record.
    pub offset: i64,
}

/// One topic as `GET /topics` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct TopicCount {
    /// Its name.
    pub topic: String,
    /// Rows.
    pub stored: u64,
    /// Copies that made no row, payload equal.
    pub duplicates: u64,
    /// Copies that made no row, payload different.
    pub conflicts: u64,
}

/// How the server says that it is doing.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Health {
    /// `healthy` or `degraded`.
    pub(super) status: String,
    /// What is said of each partition that stands still.
    #[serde(default)]
    pub(super) stalled: Vec<String>,
}

/// The counters of `GET /stats` that are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Records that the log held.
    pub received: i64,
    /// Rows.
    pub unique_processed: i64,
    /// Records that made no row because one with their id was there.
    pub duplicate_dropped: i64,
    /// How many of those had another payload.
    #[serde(default)]
    pub conflicts: i64,
    /// Records that cannot be stored.
    #[serde(default)]
    pub dead_letters: i64,
    /// Records read again after a crash or rewind.
    #[serde(default)]
    pub redelivered: i64,
    /// Offsets without a record, or trimmed unread.
    #[serde(default)]
    pub skipped: i64,
    /// Records not yet stored; none while the server does not know.
    pub pending: Option<i64>,
    /// Offsets behind an open transaction of another producer, in none of the others.
    #[serde(default)]
    pub behind_open_transactions: i64,
    /// Whether the server could not ask the log just now, so that more may be
    /// pending than it knows of.
    #[serde(default)]
    pub stale: bool,
}

impl Stats {
    /// Records that have got their outcome.
    #[must_use]
    pub fn settled(&self) -> i64 {
        self.unique_processed + self.duplicate_dropped + self.dead_letters + self.skipped
    }
}
