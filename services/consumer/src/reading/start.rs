//! What the database and the broker say about partitions that are to be started, for [`policy`](crate::policy).

use broker::consume::Reader;
use broker::{BrokerError, LogClient};
use store::{LogId, Writer};

use crate::error::ConsumerError;
use crate::planted;
use crate::policy::{Known, Seen, Start, start};

/// What was found out about one of them.
pub(crate) struct Found {
    pub(crate) partition: i32,
    pub(crate) start: Start,
    /// The first offset that is not stored, if the log holds one, and what the group keeps beside its offset.
    pub(crate) begun: Option<(i64, String)>,
}

/// What was found out about several.
#[derive(Default)]
pub(crate) struct Starts {
    pub(crate) found: Vec<Found>,
    /// Those of which the broker does not tell where they begin and end, and why.
    pub(crate) untold: Vec<(i32, BrokerError)>,
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
/// Needs a connection. Progress is read behind the row locks, then the log's ends.
pub(crate) async fn starts(
    writer: &mut Writer,
    log_id: LogId,
    partitions: &[(i32, Option<Seen>)],
    (reader, log): (&Reader, &LogClient),
) -> Result<Starts, ConsumerError> {
    let numbers: Vec<i32> = partitions.iter().map(|(partition, _)| *partition).collect();
    let progress = writer.settled_progress(log_id, &numbers).await?;
    let committed = reader.committed(&numbers).await?;
    let mut starts = Starts::default();
    for (partition, offsets) in log.offsets_of(&numbers).await? {
        let offsets = match offsets {
            Ok(offsets) => offsets,
            Err(error) => {
                starts.untold.push((partition, error));
                continue;
            }
        };
        let seen = partitions.iter().find(|(of, _)| *of == partition).and_then(|(_, seen)| *seen);
        let row = progress.iter().find(|row| row.partition == partition);
        let known = planted::known(Known {
            low: offsets.start,
            high: offsets.end,
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
        let begun = first_unstored(&start).filter(|at| *at < offsets.end);
        let begun = begun.map(|at| (at, committed.get(&partition).map_or("", |of| of.metadata.as_str()).to_owned()));
        starts.found.push(Found { partition, start, begun });
    }
    Ok(starts)
}
