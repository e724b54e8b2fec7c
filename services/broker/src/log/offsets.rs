//! Which offsets single partitions have, told of one where it can't be of another.

use std::collections::BTreeSet;
use std::ops::Range;

use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::Offset;

use super::LogClient;
use super::connection::CALL_TIMEOUT;
use crate::BrokerError;
use crate::ffi::{self, Isolation};

const DOING: &str = "asking for a partition's ends";

/// From the first offset that a partition still has to the one that its next record will get, or why the broker
/// does not tell them.
pub type PartitionOffsets = (i32, Result<Range<i64>, BrokerError>);

impl LogClient {
    /// The offsets of each of these partitions, open transactions included; those without a leader come first. What can't be told of one, as
    /// where it has no leader, is no matter of the others.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`] where no broker answers.
    pub async fn offsets_of(&self, partitions: &[i32]) -> Result<Vec<PartitionOffsets>, BrokerError> {
        let partitions = partitions.to_vec();
        self.ask(move |inner| {
            let (topic, client) = (inner.config.topic.as_str(), inner.connection.client());
            let failed = |error| BrokerError::from_kafka(DOING, &error);
            let metadata = client.fetch_metadata(Some(topic), CALL_TIMEOUT).map_err(failed)?;
            let all = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            let led: BTreeSet<i32> = all.filter(|one| one.leader() >= 0).map(MetadataPartition::id).collect();
            // The question would fail as a whole, for want of somebody to be asked of one.
            let (led, without): (Vec<i32>, Vec<i32>) =
                partitions.into_iter().partition(|partition| led.contains(partition));
            let no_leader = || Err(BrokerError::Unreachable { doing: DOING, reason: "it has no leader".to_owned() });
            let mut told: Vec<PartitionOffsets> = without.into_iter().map(|of| (of, no_leader())).collect();
            if !led.is_empty() {
                let end =
                    |which| ffi::list_offsets(client, (topic, &led), (which, Isolation::Uncommitted), CALL_TIMEOUT);
                // The low ends first, so that none lies above the high one.
                let (low, high) = (end(Offset::Beginning)?, end(Offset::End)?);
                told.extend(led.iter().zip(low.into_iter().zip(high)).map(|(&partition, (low, high))| {
                    let offsets = low.and_then(|low| Ok(low..high?));
                    (partition, offsets.map_err(|code| BrokerError::from_code(DOING, code)))
                }));
            }
            Ok(told)
        })
        .await
    }
}
