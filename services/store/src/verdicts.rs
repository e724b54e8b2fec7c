//! What became of a record: read from the rows that it left, never from a table of its own.
//!
//! A row bears the position of the record that made it. So the outcome of a record follows
//! from its key *and* its position: the position alone would take another record's outcome
//! where a log was cut and filled anew.

pub(crate) mod verdict;

use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::connect::Connector;
use crate::error::StoreError;
use crate::logs::LogId;
use crate::planted;
use crate::pool::Store;
use crate::progress;
use crate::session::Purpose;
use verdict::of_row_with_value;

pub use verdict::{AppendedRecord, Verdict};

/// Reads verdicts over a connection of its own: they are asked for hundreds of times a second, and a
/// pool tests a connection each time it is lent and each time it comes back.
#[derive(Debug)]
pub struct VerdictReader {
    connector: Connector,
    connection: Option<PgConnection>,
}

impl Store {
    /// A reader, which connects when it is first asked.
    #[must_use]
    pub fn verdict_reader(&self) -> VerdictReader {
        VerdictReader { connector: self.connector.clone(), connection: None }
    }
}

impl VerdictReader {
    /// The offset after the last one stored, of each of these partitions that has progress at all.
    ///
    /// Dropped before its end, it leaves the reader without a connection, and the next call makes one.
    pub async fn next_offsets(&mut self, log_id: LogId, partitions: &[i32]) -> Result<Vec<(i32, i64)>, StoreError> {
        if let Some(mut connection) = self.connection.take()
            && let Ok(found) = next_offsets(&mut connection, log_id, partitions).await
        {
            self.connection = Some(connection);
            return Ok(found);
        }
        // The server may have been restarted since the connection was last used.
        let mut connection = self.connected().await?;
        let found = next_offsets(&mut connection, log_id, partitions).await?;
        self.connection = Some(connection);
        Ok(found)
    }

    /// Taken away, so that a call that is dropped leaves none that is in the middle of an answer.
    async fn connected(&mut self) -> Result<PgConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Ok(self.connector.connect(Purpose::Verdicts).await?.0),
        }
    }

    /// The same of every partition of the log.
    ///
    /// # Errors
    /// [`StoreError`] as above.
    pub async fn all_next_offsets(&mut self, log_id: LogId) -> Result<Vec<(i32, i64)>, StoreError> {
        let mut connection = self.connected().await?;
        let found = progress::next_offsets(&mut connection, log_id).await?;
        self.connection = Some(connection);
        Ok(found)
    }

    /// What became of these records, in their order, in one statement.
    ///
    /// Worth asking once `next_offset` of a record's partition is above its offset: every record
    /// below it has left its row in a transaction that is committed.
    pub async fn verdicts(&mut self, log_id: LogId, records: &[&AppendedRecord]) -> Result<Vec<Verdict>, StoreError> {
        let mut connection = self.connected().await?;
        let verdicts = if planted::verdicts_are_by_position() {
            planted::verdicts::by_position(&mut connection, log_id, records).await?
        } else {
            verdicts(&mut connection, log_id, records).await?
        };
        self.connection = Some(connection);
        Ok(verdicts)
    }
}

async fn next_offsets(
    connection: &mut PgConnection,
    log_id: LogId,
    partitions: &[i32],
) -> Result<Vec<(i32, i64)>, StoreError> {
    // Index: the primary key of progress.
    let rows = sqlx::query(
        "SELECT partition, next_offset
           FROM progress
          WHERE log_id = $1 AND partition = ANY($2)",
    )
    .bind(log_id)
    .bind(partitions)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn verdicts(
    connection: &mut PgConnection,
    log_id: LogId,
    records: &[&AppendedRecord],
) -> Result<Vec<Verdict>, StoreError> {
    // Indexes: the primary keys of events, conflicts and dead_letters, and the positions of events: a
    // record whose place another key's row has is not the one that is asked for. LIMIT 1 keeps
    // the planner from hashing a whole table when many ask at once.
    let rows = sqlx::query(
        r#"SELECT CASE
                    WHEN e.log_id = $1 AND e.partition = a.partition AND e."offset" = a."offset" THEN 'stored'
                    WHEN c.found THEN 'conflict'
                    WHEN d.found THEN 'dead_letter'
                    WHEN e.log_id <= $1 AND (
                         SELECT true
                           FROM events AS other
                          WHERE other.log_id = $1 AND other.partition = a.partition AND other."offset" = a."offset"
                          LIMIT 1) IS NULL
                    THEN 'duplicate'
                    ELSE 'unknown'
                  END,
                  d.value
             FROM unnest($2::text[], $3::text[], $4::int4[], $5::int8[])
                  WITH ORDINALITY AS a(topic, event_id, partition, "offset", place)
             LEFT JOIN LATERAL (
                    SELECT log_id, partition, "offset"
                      FROM events
                     WHERE topic = a.topic AND event_id = a.event_id
                     LIMIT 1) AS e ON true
             LEFT JOIN LATERAL (
                    SELECT true AS found
                      FROM conflicts
                     WHERE log_id = $1 AND partition = a.partition AND "offset" = a."offset"
                       AND topic = a.topic AND event_id = a.event_id
                     LIMIT 1) AS c ON true
             LEFT JOIN LATERAL (
                    SELECT true AS found, value
                      FROM dead_letters
                     WHERE log_id = $1 AND partition = a.partition AND "offset" = a."offset"
                     LIMIT 1) AS d ON true
            ORDER BY a.place"#,
    )
    .bind(log_id)
    .bind(records.iter().map(|a| &*a.topic).collect::<Vec<_>>())
    .bind(records.iter().map(|a| &*a.event_id).collect::<Vec<_>>())
    .bind(records.iter().map(|a| a.partition).collect::<Vec<_>>())
    .bind(records.iter().map(|a| a.offset).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.iter().zip(records).map(|(row, record)| of_row_with_value(row, record)).collect()
}
