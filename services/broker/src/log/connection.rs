//! The standing connection for questions about the log.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::CALL_TIMEOUT;
use crate::{BrokerError, Config, client_log};

/// A client in no group that reads nothing. A consumer by type, since only those
/// may ask for offsets as they are, before open transactions end.
///
/// A thread takes its log lines and errors, which would pile up otherwise, and
/// outlives it: so the client's end, which can block, blocks nobody.
pub(crate) struct Connection(Arc<BaseConsumer<Quiet>>);

impl Connection {
    pub(crate) fn open(config: &Config) -> Result<Self, BrokerError> {
        let mut client = config.client();
        client.set("isolation.level", "read_uncommitted");
        let native: BaseConsumer<Quiet> = client
            .create_with_context(Quiet)
            .map_err(|error| BrokerError::from_kafka("starting the log client", &error))?;
        let native = Arc::new(native);
        let served = Arc::clone(&native);
        thread::Builder::new()
            .name("log client".into())
            .spawn(move || {
                while Arc::strong_count(&served) > 1 {
                    // Errors have been told to the context.
                    let _ = served.poll(Duration::from_millis(200));
                }
            })
            .map_err(|error| BrokerError::Gone { reason: error.to_string() })?;
        Ok(Self(native))
    }

    pub(crate) fn client(&self) -> &Client<Quiet> {
        self.0.client()
    }

    /// One offset per partition, 0 to `partitions` exclusive: `Beginning` or `End`.
    /// One round trip to each broker that leads some of them.
    pub(crate) fn offsets(&self, (topic, partitions): (&str, i32), which: Offset) -> Result<Vec<i64>, BrokerError> {
        const DOING: &str = "asking for the log's ends";
        let failed = |error: KafkaError| BrokerError::from_kafka(DOING, &error);
        // ListOffsets takes -2 and -1 in the place of a time for a log's two ends:
        // the same numbers that stand for the two offsets.
        let mut question = TopicPartitionList::with_capacity(partitions as usize);
        for partition in 0..partitions {
            question.add_partition_offset(topic, partition, which).map_err(failed)?;
        }
        let answer = self.0.offsets_for_times(question, CALL_TIMEOUT).map_err(failed)?;
        (0..partitions)
            .map(|partition| {
                let part = answer.find_partition(topic, partition);
                let part = part.ok_or_else(|| BrokerError::timed_out(DOING, CALL_TIMEOUT))?;
                part.error().map_err(failed)?;
                match part.offset() {
                    Offset::Offset(offset) => Ok(offset),
                    _ => Err(BrokerError::timed_out(DOING, CALL_TIMEOUT)),
                }
            })
            .collect()
    }
}

/// Passes librdkafka's lines on to our log.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::error(&error, reason);
    }
}

impl ConsumerContext for Quiet {}
