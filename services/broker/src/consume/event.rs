//! What the poll thread tells.

use crate::failure::PartitionFailure;
use crate::record::Record;

/// What the poll thread tells. Handed to the sink on the poll thread: it must not block.
#[derive(Debug)]
pub enum ConsumerEvent {
    /// These partitions are ours; each waits for `Reader::start`.
    Assigned(Vec<i32>),
    /// These go to another member: finish, then `Reader::release` each. After
    /// `Settings::release_within` they go anyway.
    Revoked(Vec<i32>),
    /// These were taken away already: neither wait nor commit.
    Lost(Vec<i32>),
    /// Records, ascending by offset within a partition and epoch.
    Records(Vec<Record>),
    /// The end of a partition: everything below `position` has been handed over or holds no record.
    End {
        /// The Kafka partition.
        partition: i32,
        /// The start that was read under.
        epoch: u64,
        /// The offset that would be read next.
        position: i64,
    },
    /// The broker has no record where a partition reads: nothing of it will come until `Reader::start`.
    OutOfRange {
        /// The Kafka partition.
        partition: i32,
        /// The start that was read under.
        epoch: u64,
    },
    /// Something keeps a partition from being read on.
    PartitionFailed(PartitionFailure),
    /// Reading has failed for good; nothing will follow.
    Failed(String),
}
