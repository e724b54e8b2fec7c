//! What planted bugs do in this crate, all of it. Each place that can be broken has one line, and
//! without the feature `planted` it does nothing.

pub(crate) mod transaction;
pub(crate) mod verdicts;

use planted::{Bug, on};
use sqlx::postgres::PgConnection;

/// [`Bug::VerdictByPosition`]: a verdict is read by the record's position alone. The api's part of the bug lets
/// positions of another log get here.
pub(crate) fn verdicts_are_by_position() -> bool {
    on(Bug::VerdictByPosition)
}

/// [`Bug::FenceSkipped`], [`Bug::RedeliveredAsDuplicate`]: a constraint would refuse what they do, before
/// anybody could see the harm.
pub(crate) async fn drop_constraints(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if on(Bug::FenceSkipped) || on(Bug::RedeliveredAsDuplicate) {
        let drop = "ALTER TABLE progress DROP CONSTRAINT IF EXISTS no_count_is_below_zero";
        sqlx::query(drop).execute(connection).await?;
    }
    Ok(())
}

/// [`Bug::FenceSkipped`]: the fence lets everybody pass.
pub(crate) fn fence_is_skipped() -> bool {
    on(Bug::FenceSkipped)
}

/// [`Bug::RedeliveredAsDuplicate`]: what is read again counts as a repeat.
pub(crate) fn redelivered_is_duplicate() -> bool {
    on(Bug::RedeliveredAsDuplicate)
}

/// [`Bug::ConflictAsDuplicate`]: payloads are not compared.
pub(crate) fn payloads_are_not_compared() -> bool {
    on(Bug::ConflictAsDuplicate)
}

/// [`Bug::NextOffsetOffByOne`]: progress moves one too far.
pub(crate) fn next_offset(end_offset: i64) -> i64 {
    end_offset + i64::from(on(Bug::NextOffsetOffByOne))
}

/// [`Bug::RecentKeysKept`]: what a writer remembers outlives its connection.
pub(crate) fn recent_keys_are_kept() -> bool {
    on(Bug::RecentKeysKept)
}

/// [`Bug::MissingTraceIsAnotherLog`]: a record that left no trace shows another log, also below the witness.
pub(crate) fn missing_trace_is_another_log() -> bool {
    on(Bug::MissingTraceIsAnotherLog)
}

/// [`Bug::TraceByPosition`]: whatever lies at a record's position is its trace.
pub(crate) fn trace_is_by_position() -> bool {
    on(Bug::TraceByPosition)
}
