//! How far each partition has been stored: what the fence compares with.

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::deadline::answer;
use crate::error::StoreError;
use crate::logs::LogId;
use crate::pool::Store;
use crate::witness::Witness;
use crate::writer::Writer;

/// One partition's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The Kafka partition.
    pub partition: i32,
    /// Where counting began.
    pub first_offset: i64,
    /// Everything below is stored.
    pub next_offset: i64,
    /// How many records have been counted.
    pub consumed: i64,
    /// The last of them, where it was kept. A program of before has not; one that [`settled_progress`] finds
    /// below what such a program has stored since is no witness of it.
    ///
    /// [`settled_progress`]: Writer::settled_progress
    pub witness: Option<Witness>,
    /// The lowest offset that was given to a new record although it lies below `next_offset`.
    pub suspected_offset: Option<i64>,
}

impl Store {
    /// How far each partition of this log is stored, where any of it is: `(partition, next_offset)`.
    pub async fn next_offsets(&self, log_id: LogId) -> Result<Vec<(i32, i64)>, StoreError> {
        let mut connection = self.connection().await?;
        Ok(answer(next_offsets(&mut connection, log_id)).await?)
    }
}

/// The offset after the last one stored, of each partition of this log that has progress.
pub(crate) async fn next_offsets(connection: &mut PgConnection, log_id: LogId) -> Result<Vec<(i32, i64)>, sqlx::Error> {
    // Index: the primary key of progress.
    let rows = sqlx::query("SELECT partition, next_offset FROM progress WHERE log_id = $1 ORDER BY partition")
        .bind(log_id)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

impl Writer {
    /// The progress of these partitions, after every transaction that was under way has ended: the
    /// rows are locked for the moment of the read. A plain read could still see the old value while
    /// a COMMIT whose answer was lost is pending. Partitions without a row are left out.
    pub async fn settled_progress(&mut self, log_id: LogId, partitions: &[i32]) -> Result<Vec<Progress>, StoreError> {
        let mut connection = self.take()?;
        let rows = answer(locked(&mut connection, log_id, partitions)).await?;
        self.put_back(connection);
        Ok(rows)
    }

    /// The progress of these partitions as it is visible now. For looking whether anything moved.
    pub async fn visible_progress(&mut self, log_id: LogId, partitions: &[i32]) -> Result<Vec<Progress>, StoreError> {
        let mut connection = self.take()?;
        let rows = sqlx::query(
            "SELECT partition, first_offset, next_offset, consumed, witness_offset, witness_epoch, witness_hash,
                    suspected_offset
               FROM progress
              WHERE log_id = $1 AND partition = ANY($2)
              ORDER BY partition",
        )
        .bind(log_id)
        .bind(partitions)
        .fetch_all(&mut connection);
        let rows = answer(rows).await?;
        self.put_back(connection);
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Begins counting a partition at `first_offset`, unless somebody has begun already.
    pub async fn begin(&mut self, log_id: LogId, partition: i32, first_offset: i64) -> Result<(), StoreError> {
        let mut connection = self.take()?;
        let insert = sqlx::query(
            "INSERT INTO progress (log_id, partition, first_offset, next_offset)
             VALUES ($1, $2, $3, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(log_id)
        .bind(partition)
        .bind(first_offset)
        .execute(&mut connection);
        answer(insert).await?;
        self.put_back(connection);
        Ok(())
    }

    /// Takes a suspicion back that was looked into. A lower one that has come meanwhile stays.
    pub async fn suspect_no_more(&mut self, log_id: LogId, partition: i32, offset: i64) -> Result<(), StoreError> {
        let mut connection = self.take()?;
        let update = sqlx::query(
            "UPDATE progress
                SET suspected_offset = NULL
              WHERE log_id = $1 AND partition = $2 AND suspected_offset = $3",
        )
        .bind(log_id)
        .bind(partition)
        .bind(offset)
        .execute(&mut connection);
        answer(update).await?;
        self.put_back(connection);
        Ok(())
    }
}

async fn locked(
    connection: &mut PgConnection,
    log_id: LogId,
    partitions: &[i32],
) -> Result<Vec<Progress>, sqlx::Error> {
    // Indexes: the primary key of progress, and the positions of events.
    let rows = sqlx::query(
        r#"SELECT partition, first_offset, next_offset, consumed,
                  CASE WHEN NOT EXISTS (SELECT FROM events e
                                         WHERE (e.log_id, e.partition) = (p.log_id, p.partition)
                                           AND e."offset" > p.witness_offset AND e."offset" < p.next_offset)
                       THEN witness_offset END,
                  witness_epoch, witness_hash, suspected_offset
             FROM progress p
            WHERE log_id = $1 AND partition = ANY($2)
            ORDER BY partition
              FOR UPDATE"#,
    )
    .bind(log_id)
    .bind(partitions)
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &PgRow) -> Result<Progress, sqlx::Error> {
    let (offset, leader_epoch, hash) = (row.try_get(4)?, row.try_get(5)?, row.try_get(6)?);
    let witness = |(offset, hash)| Witness { offset, leader_epoch, hash };
    Ok(Progress {
        partition: row.try_get(0)?,
        first_offset: row.try_get(1)?,
        next_offset: row.try_get(2)?,
        consumed: row.try_get(3)?,
        witness: Option::zip(offset, hash).map(witness),
        suspected_offset: row.try_get(7)?,
    })
}
