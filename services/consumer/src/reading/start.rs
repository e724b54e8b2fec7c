//! What the database and the broker say about partitions that are to be started, for [`decide`].

use broker::LogClient;
use broker::consume::Reader;
use store::{LogId, Writer};

use crate::decide::{Known, Seen, Start, start};
use crate::error::ConsumerError;
use crate::planted;

/// What was found out about one of them.
pub(crate) struct Found {
    pub(crate) partition: i32,
    pub(crate) start: Start,
    /// The first offset that is not stored, if the log holds one, and what the group keeps beside its offset.
    pub(crate) begun: Option<(i64, String)>,
}

fn first_unstored(start: &Start) -> Option<i64> {
    match *start {
        Start::Begin { at } => Some(at),
        Start::Resume { next, .. } => Some(next),
        Start::Trimmed { .. } | Start::AnotherLog | Start::LookAgain(_) => None,
    }
}

/// Where each of the partitions is to be read from, and what the database counts it from. With each comes
/// what the first of two looks at it has shown.
///
/// Needs a connection. Progress is read behind the row locks, then the watermarks.
pub(crate) async fn starts(
    writer: &mut Writer,
    log_id: LogId,
    partitions: &[(i32, Option<Seen>)],
    (reader, log): (&Reader, &LogClient),
) -> Result<Vec<Found>, ConsumerError> {
    let numbers: Vec<i32> = partitions.iter().map(|(partition, _)| *partition).collect();
    let progress = writer.settled_progress(log_id, &numbers).await?;
    let committed = reader.committed(&numbers).await?;
    let watermarks = log.watermarks().await?;
    let mut starts = Vec::with_capacity(partitions.len());
    for &(partition, seen) in partitions {
        let Some(marks) = watermarks.iter().find(|marks| marks.partition == partition) else {
            return Err(ConsumerError::NoWatermarks(partition));
        };
        let row = progress.iter().find(|row| row.partition == partition);
        let known = planted::known(Known {
            low: marks.low,
            high: marks.high,
            committed: committed.get(&partition).map(|committed| committed.offset),
            next: row.map(|row| row.next_offset),
            witness: row.and_then(|row| row.witness),
            first: row.filter(|row| row.consumed == 0).map(|row| row.first_offset),
            suspected: row.and_then(|row| row.suspected_offset),
            seen,
        });
        let start = planted::start(start(known), known);
        tracing::info!(partition, ?known, ?start, "partition");
        if let Start::Begin { at } = start {
            writer.begin(log_id, partition, at).await?;
        }
        let begun = first_unstored(&start).filter(|at| *at < marks.high);
        let begun = begun.map(|at| (at, committed.get(&partition).map_or("", |of| of.metadata.as_str()).to_owned()));
        starts.push(Found { partition, start, begun });
    }
    Ok(starts)
}
