//! The fence: whose turn it is, and whether what was read before is really there.

use planted::Bug;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::error::{AppendError, Found};
use crate::batch::Batch;
use crate::deadline::answer;

/// Locks the batch's progress rows, in partition order so that two batches can't deadlock on them,
/// and compares. Gives the prune epoch, read under the same lock.
pub(super) async fn lock(connection: &mut PgConnection, batch: &Batch) -> Result<i64, AppendError> {
    let partitions: Vec<i32> = batch.slices.iter().map(|slice| slice.partition).collect();
    // Index: primary keys of progress and install.
    let query = sqlx::query(
        "SELECT partition, next_offset, (SELECT prune_epoch FROM install)
           FROM progress
          WHERE log_id = $1 AND partition = ANY($2)
          ORDER BY partition
            FOR UPDATE",
    )
    .bind(batch.log_id)
    .bind(&partitions)
    .fetch_all(connection);
    let rows = answer(query).await.map_err(AppendError::before_commit)?;

    let mut epoch = 0;
    let mut found: Vec<Found> = partitions.iter().map(|&partition| Found { partition, next_offset: None }).collect();
    for row in &rows {
        let partition: i32 = row.try_get(0).map_err(AppendError::before_commit)?;
        let next_offset: i64 = row.try_get(1).map_err(AppendError::before_commit)?;
        epoch = row.try_get(2).map_err(AppendError::before_commit)?;
        for place in found.iter_mut().filter(|place| place.partition == partition) {
            place.next_offset = Some(next_offset);
        }
    }
    let holds = found.iter().zip(&batch.slices).all(|(found, slice)| found.next_offset == Some(slice.expected));
    if holds || planted::on(Bug::FenceSkipped) { Ok(epoch) } else { Err(AppendError::FenceMiss(found)) }
}

/// Dropping by position is never blind: a record below the fence must have left its trace, as the
/// row of its key, as a conflict or as a dead letter. One that has not belongs to another log.
pub(super) async fn verify_redelivered(connection: &mut PgConnection, batch: &Batch) -> Result<(), AppendError> {
    let mut partitions = Vec::new();
    let mut offsets = Vec::new();
    let mut topics = Vec::new();
    let mut ids = Vec::new();
    for (partition, _, entry) in batch.entries().filter(|(_, redelivered, _)| *redelivered) {
        let event = entry.what.event();
        partitions.push(partition);
        offsets.push(entry.offset);
        topics.push(event.map(|event| event.topic.as_str()));
        ids.push(event.map(|event| event.event_id.as_str()));
    }
    if offsets.is_empty() {
        return Ok(());
    }
    // Index: primary keys of events, conflicts, dead_letters.
    let query = sqlx::query(
        r#"SELECT r.partition, r."offset"
             FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[]) AS r(partition, "offset", topic, event_id)
            WHERE NOT EXISTS (SELECT FROM events e
                               WHERE e.topic = r.topic AND e.event_id = r.event_id)
              AND NOT EXISTS (SELECT FROM dead_letters d
                               WHERE d.log_id = $1 AND d.partition = r.partition AND d."offset" = r."offset")
              AND NOT EXISTS (SELECT FROM conflicts c
                               WHERE c.log_id = $1 AND c.partition = r.partition AND c."offset" = r."offset")
            LIMIT 1"#,
    )
    .bind(batch.log_id)
    .bind(&partitions)
    .bind(&offsets)
    .bind(&topics)
    .bind(&ids)
    .fetch_optional(connection);
    match answer(query).await.map_err(AppendError::before_commit)? {
        None => Ok(()),
        Some(row) => Err(AppendError::AnotherLog {
            partition: row.try_get(0).map_err(AppendError::before_commit)?,
            offset: row.try_get(1).map_err(AppendError::before_commit)?,
        }),
    }
}
