//! Which partitions stand still although the log holds more of them: pure.
//!
//! Who reads a partition, or sees how far another has read it, looks every few seconds at where it ends and at
//! how far it is read. What has not moved for a while, although there was more all the time, stands still.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::failure::{FailureKind, PartitionFailure};

/// A look that comes later than this after the one before it begins anew: the process, or the machine, was
/// stopped in between.
const AT_MOST_APART: Duration = Duration::from_secs(20);

/// Where a partition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The offset up to which no transaction is open: nothing at or above it is read.
    pub stable: i64,
    /// The offset that the next record will have.
    pub high: i64,
}

/// Where a partition ends, or why that can't be told.
pub type PartitionEnd = (i32, Result<End, String>);

/// How far a partition is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// The offset that is read next.
    pub offset: i64,
    /// When that was so.
    pub at: Instant,
    /// What was said last of why it can't be read on.
    pub failure: Option<Failure>,
}

/// Why a partition can't be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// In librdkafka's words.
    pub reason: String,
}

impl From<PartitionFailure> for Failure {
    fn from(failure: PartitionFailure) -> Self {
        Failure { kind: failure.kind, reason: failure.reason }
    }
}

/// A partition that stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The partition.
    pub partition: i32,
    /// The offset that would be read next.
    pub offset: i64,
    /// It was found there, with more behind it, ever since then.
    pub since: Instant,
    /// Why, as far as it is known.
    pub cause: Cause,
}

/// Why a partition stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A transaction of another producer is open.
    OpenTransaction {
        /// Offsets from its beginning to the end of the log.
        behind: i64,
    },
    /// The partition has no leader, or its leader does not say where it ends.
    NoLeader(String),
    /// The client, or the broker, has said why.
    Failed(Failure),
    /// Nothing was said.
    Unknown,
    /// As far as somebody sees who does not read it: others are stored, and it is not.
    NotStored,
}

/// Looks at the same partitions again and again.
#[derive(Debug)]
pub struct StallWatch {
    /// How long a partition has to stand still.
    after: Duration,
    looked: Option<Instant>,
    suspects: BTreeMap<i32, Suspect>,
}

/// A partition of which there is more, and where it was read when that was seen first.
#[derive(Debug)]
struct Suspect {
    offset: i64,
    since: Instant,
    is_stalled: bool,
}

impl StallWatch {
    /// Finds what has not moved for so long.
    #[must_use]
    pub fn new(after: Duration) -> Self {
        StallWatch { after, looked: None, suspects: BTreeMap::new() }
    }

    /// One look: `ends`, and `positions` read after them. A partition that is not told to be read is not judged,
    /// and one whose position is not told anew is not suspected for longer.
    pub fn look(
        &mut self,
        now: Instant,
        ends: &[PartitionEnd],
        positions: impl IntoIterator<Item = Position>,
    ) -> Vec<Stall> {
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) > AT_MOST_APART) {
            self.could_not_look();
        }
        self.looked = Some(now);
        let ends: BTreeMap<i32, &Result<End, String>> = ends.iter().map(|(partition, end)| (*partition, end)).collect();
        let mut before = std::mem::take(&mut self.suspects);
        let mut stalls = Vec::new();
        for position in positions {
            let Position { partition, offset, at, .. } = position;
            let Some(cause) = ends.get(&partition).and_then(|end| cause(position, end)) else { continue };
            let seen = before.remove(&partition).filter(|suspect| suspect.offset == offset);
            let Suspect { since, is_stalled, .. } = seen.unwrap_or(Suspect { offset, since: now, is_stalled: false });
            let is_stalled = is_stalled || at.saturating_duration_since(since) >= self.after;
            self.suspects.insert(partition, Suspect { offset, since, is_stalled });
            if is_stalled {
                stalls.push(Stall { partition, offset, since, cause });
            }
        }
        stalls
    }

    /// Where the log ends could not be asked. What stands still is not known to have moved; all else may have
    /// had nothing to read from.
    pub fn could_not_look(&mut self) {
        self.suspects.retain(|_, suspect| suspect.is_stalled);
    }
}

/// Why the partition is not read on; none if there is nothing more of it.
fn cause(position: Position, end: &Result<End, String>) -> Option<Cause> {
    let Position { offset, failure, .. } = position;
    match end {
        Err(reason) => Some(Cause::NoLeader(reason.clone())),
        Ok(end) if end.high <= offset => None,
        Ok(end) if end.stable <= offset => Some(Cause::OpenTransaction { behind: end.high - offset }),
        Ok(_) => Some(failure.map_or(Cause::Unknown, Cause::Failed)),
    }
}

#[cfg(test)]
mod tests;
