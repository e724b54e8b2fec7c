//! One event as it is stored.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::StoreError;
use crate::logs::LogId;
use crate::pool::Store;

/// Whether PostgreSQL may keep the plan of a statement that looks rows of `events` up: no. A plan made
/// while the table is a few pages reads all of it per row, and is kept until the next ANALYZE, minutes
/// and a million rows later (measured: 38 s instead of 10 ms).
pub(crate) const KEEP_PLAN: bool = false;

/// An event as it was stored, with the position of the record that made it.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// The event's topic.
    pub topic: String,
    /// Its id within the topic.
    pub event_id: String,
    /// When it happened, to the microsecond.
    pub timestamp: DateTime<Utc>,
    /// Who published it.
    pub source: String,
    /// A JSON object, as PostgreSQL writes it.
    pub payload: Box<RawValue>,
    /// The incarnation of the Kafka topic that the position is of.
    pub log_id: LogId,
    /// The Kafka partition.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
    /// When the transaction that stored it began.
    pub stored_at: DateTime<Utc>,
}

impl StoredEvent {
    /// What it takes in an answer, about.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        const AROUND: usize = 192;
        self.payload.get().len() + self.topic.len() + self.event_id.len() + self.source.len() + AROUND
    }
}

impl Store {
    /// The event of this key, if it is stored.
    pub async fn event(&self, topic: &str, event_id: &str) -> Result<Option<StoredEvent>, StoreError> {
        let mut connection = self.connection().await?;
        // Index: the primary key of events.
        let row = sqlx::query(
            r#"SELECT topic, event_id, timestamp, source, payload::text, log_id, partition, "offset", stored_at
                 FROM events
                WHERE topic = $1 AND event_id = $2"#,
        )
        .persistent(KEEP_PLAN)
        .bind(topic)
        .bind(event_id)
        .fetch_optional(&mut *connection)
        .await?;
        Ok(row.as_ref().map(read).transpose()?)
    }
}

/// Reads the columns `topic, event_id, timestamp, source, payload::text, log_id, partition, "offset", stored_at`.
pub(super) fn read(row: &PgRow) -> Result<StoredEvent, sqlx::Error> {
    let payload: String = row.try_get(4)?;
    Ok(StoredEvent {
        topic: row.try_get(0)?,
        event_id: row.try_get(1)?,
        timestamp: row.try_get(2)?,
        source: row.try_get(3)?,
        payload: RawValue::from_string(payload).map_err(|error| sqlx::Error::Decode(error.into()))?,
        log_id: row.try_get(5)?,
        partition: row.try_get(6)?,
        offset: row.try_get(7)?,
        stored_at: row.try_get(8)?,
    })
}
