//! `GET /stats`: how much came, and what became of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::budgeted_body::json;
use crate::http::byte_budget::NoRoom;
use crate::http::problem::{Problem, ProblemBody};
use crate::routes::listing::busy;
use crate::state::Shared;

/// What an answer has beside the names of topics.
const AROUND: usize = 1024;

/// How much came, and what became of it. Counted by the transactions that store, so it survives any
/// restart; `received = unique_processed + duplicate_dropped + dead_letters + skipped + pending`.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "clients know uptime_stats and database_stats by these names")]
pub(crate) struct Stats {
    /// Records that the log has held, as far as they can be read.
    #[schema(example = 1000)]
    received: i64,
    /// Events stored.
    #[schema(example = 700)]
    unique_processed: i64,
    /// Records that added no row because their id was there before, conflicts included.
    #[schema(example = 300)]
    duplicate_dropped: i64,
    /// How many of the duplicates bore another payload.
    conflicts: i64,
    /// Records that could not be stored, kept aside with the reason.
    dead_letters: i64,
    /// Offsets that held no record for us: trimmed unread, or gaps of the log.
    skipped: i64,
    /// Records read again after a crash; in none of the other numbers.
    redelivered: i64,
    /// Records in the log that are not stored yet, up to the first open transaction of each partition.
    pending: i64,
    /// Offsets behind the beginning of an open transaction of another producer: nothing there is read before it
    /// ends. In none of the other numbers.
    behind_open_transactions: i64,
    /// The same as `pending`.
    queue_size: i64,
    /// Whether the broker did not answer in time, so that `received` and `pending` are of its last answer.
    stale: bool,
    /// Names of event topics, the first 1,000; `GET /topics` has all.
    #[schema(example = json!(["orders", "payments"]))]
    #[schema(value_type = Vec<String>)]
    topics: Arc<[String]>,
    /// How many event topics there are; where there are more than 1,000, as counted within the last minutes.
    #[schema(example = 2)]
    topic_count: i64,
    /// Whole seconds since this process has started.
    uptime: u64,
    /// The same with its fraction.
    #[schema(example = 3600.5)]
    uptime_seconds: f64,
    #[schema(example = "1h 0m 0s")]
    uptime_human: String,
    uptime_stats: UptimeStats,
    database_stats: DatabaseStats,
}

/// Two of the numbers by other names.
#[derive(Serialize, ToSchema)]
pub(crate) struct UptimeStats {
    /// The same as `received`.
    total_received_api: i64,
    /// The same as `duplicate_dropped`.
    duplicates_dropped_consumer: i64,
}

/// One of the numbers by another name.
#[derive(Serialize, ToSchema)]
pub(crate) struct DatabaseStats {
    /// The same as `unique_processed`.
    unique_events_stored: i64,
}

/// Count what came and what became of it.
#[utoipa::path(
    get, path = "/stats", tag = "statistics",
    responses(
        (status = 200, description = "The counters", body = Stats),
        (status = 429, description = "Too many answers at once", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database can't be read, or the broker has not said yet where this log ends", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stats(State(api): State<Shared>) -> Result<Response, Problem> {
    let (counted, topics) = tokio::try_join!(api.stats.counted(), api.stats.topics())?;
    let (totals, since) = (counted.totals, api.started.elapsed());
    let uptime = since.as_secs();
    let stats = Stats {
        received: totals.received,
        unique_processed: totals.unique_processed,
        duplicate_dropped: totals.duplicate_dropped,
        conflicts: totals.conflicts,
        dead_letters: totals.dead_letters,
        skipped: totals.skipped,
        redelivered: totals.redelivered,
        pending: totals.pending,
        behind_open_transactions: totals.behind_open_transactions,
        queue_size: totals.pending,
        stale: counted.stale,
        topics: topics.names,
        topic_count: topics.count,
        uptime,
        uptime_seconds: since.as_secs_f64(),
        uptime_human: human(uptime),
        uptime_stats: UptimeStats {
            total_received_api: totals.received,
            duplicates_dropped_consumer: totals.duplicate_dropped,
        },
        database_stats: DatabaseStats { unique_events_stored: totals.unique_processed },
    };
    // A thousand names may be a megabyte.
    let mut held = api.responses.share();
    let bytes = AROUND + stats.topics.iter().map(String::len).sum::<usize>();
    held.grow_in_time(bytes).await.map_err(|NoRoom| busy())?;
    Ok(json(StatusCode::OK, &stats, held))
}

/// As people say it: `1h 0m 0s`.
pub(crate) fn human(seconds: u64) -> String {
    format!("{}h {}m {}s", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_is_written_as_people_say_it() {
        assert_eq!(human(0), "0h 0m 0s");
        assert_eq!(human(3_600), "1h 0m 0s");
        assert_eq!(human(90_061), "25h 1m 1s");
    }
}
