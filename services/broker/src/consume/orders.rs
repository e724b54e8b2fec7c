//! What the poll thread is told.

use std::sync::mpsc;

use rdkafka::{Offset, TopicPartitionList};

pub(super) enum Command {
    Start { partition: i32, offset: i64, epoch: u64 },
    Release(i32),
    Close(mpsc::Sender<()>),
}

/// Partitions as librdkafka is given them.
pub(super) fn list(topic: &str, partitions: impl Iterator<Item = (i32, Offset)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        // Fails only for offsets that librdkafka has no number for; all that come here have one.
        if let Err(error) = list.add_partition_offset(topic, partition, offset) {
            tracing::error!(partition, ?offset, %error, "offset left out");
        }
    }
    list
}
