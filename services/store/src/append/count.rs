//! The last statement: progress and counters are moved by what the outcomes add up to.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::error::AppendError;
use super::tally::{Tally, by_slice, by_topic};
use crate::batch::{Batch, Slice};
use crate::deadline::answer;
use crate::dedup::Outcome;
use crate::planted;
use crate::witness::Witness;

/// Moves progress and counters, and gives what they have grown by. The transaction may commit only if
/// this succeeds: it has then seen every progress row where it belongs.
pub(super) async fn count(
    connection: &mut PgConnection,
    batch: &Batch,
    outcomes: &[Outcome],
) -> Result<Tally, AppendError> {
    let tallies = by_slice(batch, outcomes);
    let topics = by_topic(batch, outcomes);
    let column = |field: fn(&Tally) -> i64| -> Vec<i64> { tallies.iter().map(field).collect() };
    let end_offset = |slice: &Slice| planted::next_offset(slice.end_offset);
    let witnesses: Vec<Option<Witness>> = batch.slices.iter().map(|slice| slice.witness).collect();
    let topic_column = |field: fn(&Tally) -> i64| -> Vec<i64> { topics.values().map(field).collect() };
    // Index: primary keys of progress and topic_counts.
    let query = sqlx::query(
        "WITH counted AS (
             INSERT INTO topic_counts AS c (log_id, partition, topic, stored, duplicates, conflicts)
             SELECT $1, t.partition, t.topic, t.stored, t.duplicates, t.conflicts
               FROM unnest($9::int[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[])
                    AS t(partition, topic, stored, duplicates, conflicts)
             ON CONFLICT (topic, log_id, partition) DO UPDATE
                SET stored = c.stored + excluded.stored,
                    duplicates = c.duplicates + excluded.duplicates,
                    conflicts = c.conflicts + excluded.conflicts
             RETURNING 1
         )
         UPDATE progress p
            SET next_offset = t.end_offset,
                consumed = p.consumed + t.stored + t.duplicates + t.conflicts + t.dead_letters,
                stored = p.stored + t.stored,
                duplicates = p.duplicates + t.duplicates,
                conflicts = p.conflicts + t.conflicts,
                dead_letters = p.dead_letters + t.dead_letters,
                skipped = p.skipped + t.end_offset - p.next_offset
                          - (t.stored + t.duplicates + t.conflicts + t.dead_letters),
                redelivered = p.redelivered + t.redelivered,
                witness_offset = coalesce(t.witness, p.witness_offset),
                witness_epoch = CASE WHEN t.witness IS NULL THEN p.witness_epoch ELSE t.epoch END,
                witness_hash = coalesce(t.hash, p.witness_hash),
                updated_at = now()
           FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
                       $14::bigint[], $15::int[], $16::bigint[])
                AS t(partition, end_offset, stored, duplicates, conflicts, dead_letters, redelivered, witness, epoch, hash)
          WHERE p.log_id = $1 AND p.partition = t.partition
         RETURNING p.partition, p.next_offset, (SELECT count(*) FROM counted)",
    )
    .bind(batch.log_id)
    .bind(batch.slices.iter().map(|slice| slice.partition).collect::<Vec<i32>>())
    .bind(batch.slices.iter().map(end_offset).collect::<Vec<i64>>())
    .bind(column(|t| t.stored))
    .bind(column(|t| t.duplicates))
    .bind(column(|t| t.conflicts))
    .bind(column(|t| t.dead_letters))
    .bind(column(|t| t.redelivered))
    .bind(topics.keys().map(|key| key.0).collect::<Vec<i32>>())
    .bind(topics.keys().map(|key| key.1).collect::<Vec<&str>>())
    .bind(topic_column(|t| t.stored))
    .bind(topic_column(|t| t.duplicates))
    .bind(topic_column(|t| t.conflicts))
    .bind(witnesses.iter().map(|witness| witness.map(|of| of.offset)).collect::<Vec<Option<i64>>>())
    .bind(witnesses.iter().map(|witness| witness.and_then(|of| of.leader_epoch)).collect::<Vec<Option<i32>>>())
    .bind(witnesses.iter().map(|witness| witness.map(|of| of.hash)).collect::<Vec<Option<i64>>>())
    .fetch_all(connection);
    let rows = answer(query).await.map_err(AppendError::before_commit)?;

    let mut moved: Vec<(i32, i64, i64)> = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
        .collect::<Result<_, sqlx::Error>>()
        .map_err(AppendError::before_commit)?;
    moved.sort_unstable();
    let counted = topics.len() as i64;
    let meant: Vec<(i32, i64, i64)> =
        batch.slices.iter().map(|slice| (slice.partition, end_offset(slice), counted)).collect();
    if moved == meant {
        Ok(tallies.iter().fold(Tally::default(), Tally::plus))
    } else {
        let text = format!("(partition, next_offset, topics counted) are {moved:?} instead of {meant:?}");
        Err(AppendError::Inconsistent(text))
    }
}
