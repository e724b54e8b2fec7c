//! Where each partition ends, told of one when it can't be of another, and what to say of one that stands still.

use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::Offset;

use super::LogClient;
use super::connection::CALL_TIMEOUT;
use crate::failure::FailureKind;
use crate::ffi::{self, Isolation};
use crate::stall::{Cause, End, Failure, PartitionEnd, Stall};
use crate::{BrokerError, Config};

const DOING: &str = "asking where each partition ends";

impl LogClient {
    /// Where each partition ends: what is stable first, so `stable <= high`.
    ///
    /// # Errors
    /// [`BrokerError::NoTopic`]; [`BrokerError::Unreachable`] where no broker answers.
    pub async fn each_end(&self) -> Result<Vec<PartitionEnd>, BrokerError> {
        self.ask(|inner| {
            let (topic, client) = (inner.config.topic.as_str(), inner.connection.client());
            let failed = |error| BrokerError::from_kafka(DOING, &error);
            let metadata = client.fetch_metadata(Some(topic), CALL_TIMEOUT).map_err(failed)?;
            let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            let (led, without): (Vec<_>, Vec<_>) = partitions.partition(|partition| partition.leader() >= 0);
            let led: Vec<i32> = led.iter().map(|partition| partition.id()).collect();
            let without = without.iter().map(|partition| (partition.id(), Err("it has no leader".to_owned())));
            let mut ends: Vec<PartitionEnd> = without.collect();
            if led.is_empty() {
                return if ends.is_empty() { Err(BrokerError::NoTopic { topic: topic.to_owned() }) } else { Ok(ends) };
            }
            let last = |isolation| ffi::list_offsets(client, (topic, &led), (Offset::End, isolation), CALL_TIMEOUT);
            let (stable, high) = (last(Isolation::Committed)?, last(Isolation::Uncommitted)?);
            ends.extend(led.into_iter().zip(stable.into_iter().zip(high)).map(|(partition, (stable, high))| {
                let end = stable.and_then(|stable| Ok(End { stable, high: high? }));
                (partition, end.map_err(|code| code.to_string()))
            }));
            ends.sort_by_key(|(partition, _)| *partition);
            Ok(ends)
        })
        .await
    }

    /// What to say of a partition that stands still: where, why, and the command by which to look at it.
    #[must_use]
    pub fn explain(&self, stall: &Stall) -> String {
        explain(&self.0.config, stall)
    }

    /// The same of several, as far as it can be read at a glance.
    #[must_use]
    pub fn explain_all(&self, stalls: &[Stall]) -> Vec<String> {
        const FIRST: usize = 10;
        let more = stalls.len().saturating_sub(FIRST);
        let more = (more > 0).then(|| format!("and {more} more partitions stand still"));
        stalls.iter().take(FIRST).map(|stall| self.explain(stall)).chain(more).collect()
    }

    /// The name of the Kafka topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.0.config.topic
    }
}

fn explain(config: &Config, stall: &Stall) -> String {
    let Stall { partition, offset, cause, .. } = stall;
    let (topic, brokers) = (&config.topic, &config.brokers);
    let describe = || format!("kafka-topics.sh --bootstrap-server {brokers} --describe --topic {topic}");
    let (why, command) = match cause {
        Cause::OpenTransaction { behind } => (
            format!(
                "a transaction of another producer is open, and none of the {behind} offsets from there on is stored \
                 before it ends"
            ),
            format!(
                "kafka-transactions.sh --bootstrap-server {brokers} describe-producers --topic {topic} \
                 --partition {partition}"
            ),
        ),
        Cause::NoLeader(reason) => (format!("its leader does not say where it ends: {reason}"), describe()),
        Cause::Failed(Failure { kind: FailureKind::Unreadable, reason }) => (
            format!("a batch can't be read: {reason}"),
            format!(
                "kafka-console-consumer.sh --bootstrap-server {brokers} --topic {topic} --partition {partition} \
                 --offset {offset} --max-messages 1"
            ),
        ),
        Cause::Failed(Failure { kind: FailureKind::NotAuthorized, reason }) => (
            format!("the right to read was taken away: {reason}"),
            format!("kafka-acls.sh --bootstrap-server {brokers} --list --topic {topic}"),
        ),
        Cause::Failed(Failure { kind: FailureKind::Other, reason }) => (reason.clone(), describe()),
        Cause::NotStored => (
            "others are stored, and it is not; the consumer that reads it says why, if one does".to_owned(),
            describe(),
        ),
        Cause::Unknown => ("the broker has more of it, and gives none".to_owned(), describe()),
    };
    format!("partition {partition} stands still at offset {offset}: {why}; to look at it: {command}")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn each_cause_is_said_with_partition_offset_and_a_command() {
        let failed = |kind| Cause::Failed(Failure { kind, reason: "as librdkafka says".to_owned() });
        let causes = [
            (Cause::OpenTransaction { behind: 12 }, "transaction of another producer is open, and none of the 12"),
            (Cause::NoLeader("it has no leader".to_owned()), "it has no leader"),
            (failed(FailureKind::Unreadable), "a batch can't be read: as librdkafka says"),
            (failed(FailureKind::NotAuthorized), "the right to read was taken away: as librdkafka says"),
            (failed(FailureKind::Other), "as librdkafka says"),
            (Cause::Unknown, "the broker has more of it, and gives none"),
            (Cause::NotStored, "others are stored, and it is not; the consumer that reads it says why, if one does"),
        ];
        let config = Config::new("kafka:9092", "events");
        for (cause, why) in causes {
            let said = explain(&config, &Stall { partition: 3, offset: 57, since: Instant::now(), cause });
            assert!(said.starts_with("partition 3 stands still at offset 57: "), "{said}");
            let (said, command) = said.split_once("; to look at it: ").expect("a command");
            assert!(said.contains(why), "{said}");
            assert!(command.contains(".sh --bootstrap-server kafka:9092 "), "{command}");
            assert!(command.contains("--topic events"), "{command}");
        }
    }
}
