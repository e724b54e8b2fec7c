//! What [`Partitions`](crate::partitions::Partitions) has decided and its shell carries out: plain data.

use crate::policy::{Seen, pause};

/// To be carried out by the shell, in the order that they come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read this partition from here on, and name the epoch of it to
    /// [`Partitions::reading`](crate::partitions::Partitions::reading).
    Read {
        /// The Kafka partition.
        partition: i32,
        /// The first offset.
        from: i64,
    },
    /// Records of this weight are done with: they are in no batch.
    Finished {
        /// The Kafka partition.
        partition: i32,
        /// What they weigh in the reader's budget.
        bytes: usize,
    },
    /// Partitions are to be started anew: find out where they stand, at once. Forget the recent keys: what
    /// moved progress may have taken rows away, and a key remembered from before would turn the only
    /// copy of its event into a duplicate.
    StartAnew,
    /// The log is another one: open its next incarnation.
    OpenNextIncarnation,
    /// Tell the group these offsets.
    Commit(Vec<(i32, i64)>),
    /// The partition may go to another member of the group.
    Release(i32),
    /// Write a line to the log.
    Tell(Notable),
}

/// Something that whoever runs this may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notable {
    /// Offsets are missing in front of a record; they are read again.
    Gap {
        /// The Kafka partition.
        partition: i32,
        /// The first missing offset.
        from: i64,
        /// The offset that came instead.
        to: i64,
    },
    /// The last record that was stored, or read, is not what it was; it is looked for again.
    Doubted {
        /// The Kafka partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// And it is not there when it is looked for again.
    AnotherLog {
        /// The Kafka partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// A new record got an offset that was stored already: the log may have lost its end.
    Suspected {
        /// The Kafka partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// More offsets would be skipped than were believed to be empty.
    Missing {
        /// The Kafka partition.
        partition: i32,
        /// How many would be skipped.
        skipped: i64,
        /// How many were believed to be empty.
        empty: i64,
    },
    /// Progress is not where we left it.
    Drifted {
        /// The Kafka partition.
        partition: i32,
        /// Where we left it.
        believed: i64,
        /// Where it is, if the database knows the partition.
        found: Option<i64>,
    },
    /// The broker has nothing where the partition was read; nothing of it comes until its next start.
    OutOfRange {
        /// The Kafka partition.
        partition: i32,
        /// The offset that should have come next.
        at: i64,
        /// How often in a row.
        times: u32,
    },
    /// A batch can't be read; nothing behind it is taken in.
    Unreadable {
        /// The Kafka partition.
        partition: i32,
        /// Its first offset.
        offset: i64,
        /// How often it was tried in a row.
        times: u32,
        /// In librdkafka's words.
        reason: String,
    },
    /// The log ends below what was stored, or begins above it; one look is no proof.
    LookAgain {
        /// The Kafka partition.
        partition: i32,
        /// What was seen.
        seen: Seen,
    },
    /// Retention has deleted records that were never read.
    Trimmed {
        /// The Kafka partition.
        partition: i32,
        /// The first that is lost.
        from: i64,
        /// Where the log begins now.
        to: i64,
    },
    /// A partition stays unread, as `ONCELOG_ON_TRIMMED=halt` demands.
    LeftUnread(i32),
}

impl Notable {
    pub(crate) fn write(&self) {
        match self {
            Notable::Gap { partition, from, to } => {
                tracing::info!(partition, from, to, "offsets are missing; reading them again");
            }
            Notable::Doubted { partition, offset } => {
                tracing::warn!(partition, offset, "the last record is not where it was; looking again");
            }
            Notable::AnotherLog { partition, offset } => {
                tracing::error!(
                    partition,
                    offset,
                    "the log holds another record, or none, where the last one was: records were lost or the topic was \
                     replaced"
                );
            }
            Notable::Suspected { partition, offset } => {
                tracing::warn!(partition, offset, "a new record lies where one was stored; reading again from there");
            }
            Notable::Missing { partition, skipped, empty } => {
                tracing::error!(
                    partition,
                    skipped,
                    empty,
                    "records are missing that were read before; reading them again"
                );
            }
            Notable::Drifted { partition, believed, found } => {
                tracing::warn!(partition, believed, ?found, "progress has moved without us");
            }
            Notable::OutOfRange { partition, at, times } => {
                let again_s = pause(*times).as_secs();
                tracing::warn!(partition, at, times, again_s, "the broker has nothing at this offset; starting anew");
            }
            Notable::Unreadable { partition, offset, times, reason } => {
                let again_s = pause(*times).as_secs();
                let said = "a batch can't be read; nothing behind it is stored, and it is tried again";
                // It goes on until somebody mends it: the first time is told.
                if *times == 1 {
                    tracing::error!(partition, offset, again_s, "{said}: {reason}");
                } else {
                    tracing::debug!(partition, offset, times, again_s, "{said}: {reason}");
                }
            }
            Notable::LookAgain { partition, seen } => {
                tracing::warn!(partition, ?seen, "the log is not what it was; looking a second time");
            }
            Notable::Trimmed { partition, from, to } => {
                tracing::error!(partition, from, to, "the log was trimmed before it was read; these offsets are lost");
            }
            Notable::LeftUnread(partition) => {
                tracing::error!(partition, "left unread; ONCELOG_ON_TRIMMED=continue goes on behind the loss");
            }
        }
    }
}
