//! The fence: whose turn it is.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::error::{AppendError, Found};
use crate::batch::Batch;
use crate::deadline::answer;
use crate::planted;

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
    if holds || planted::fence_is_skipped() { Ok(epoch) } else { Err(AppendError::FenceMiss(found)) }
}
