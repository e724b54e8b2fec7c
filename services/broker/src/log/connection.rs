//! The standing connection for questions about the log.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::{BrokerError, Config, client_log};

/// How long librdkafka may keep a complaint to itself that it has made before.
const COMPLAINT_HOLDS: Duration = Duration::from_mins(1);
/// A lost connection is told before the reason for it.
const COMPLAINT_WITHIN: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How long one request to the broker may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A client in no group that reads nothing. A consumer by type, since only those
/// may ask for offsets as they are, before open transactions end.
///
/// A thread takes its log lines and errors, which would pile up otherwise, and
/// outlives it: so the client's end, which can block, blocks nobody.
pub(crate) struct Connection {
    native: Arc<BaseConsumer<Quiet>>,
    complaint: Complaint,
}

/// The last thing that librdkafka has said of a broker that it can't use, and when.
type Complaint = Arc<Mutex<Option<(Instant, String)>>>;

impl Connection {
    pub(crate) fn open(config: &Config) -> Result<Self, BrokerError> {
        let complaint = Complaint::default();
        let mut client = config.client();
        client.set("isolation.level", "read_uncommitted");
        let native: BaseConsumer<Quiet> = client
            .create_with_context(Quiet(Arc::clone(&complaint)))
            .map_err(|error| BrokerError::from_kafka("starting the log client", &error))?;
        let native = Arc::new(native);
        let served = Arc::clone(&native);
        thread::Builder::new()
            .name("log client".into())
            .spawn(move || {
                crate::planted::panic_in_client();
                while Arc::strong_count(&served) > 1 {
                    // Errors have been told to the context.
                    let _ = served.poll(Duration::from_millis(200));
                }
            })
            .map_err(|error| BrokerError::Gone { reason: error.to_string() })?;
        Ok(Self { native, complaint })
    }

    pub(crate) fn client(&self) -> &Client<Quiet> {
        self.native.client()
    }

    /// Why no broker can be used, in librdkafka's words; it says so on another thread, and so a
    /// moment is waited for it. None where it has no reason but the time that has passed.
    pub(crate) fn complaint(&self) -> Option<String> {
        let until = Instant::now() + COMPLAINT_WITHIN;
        loop {
            let said = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match said {
                Some((at, said)) if at.elapsed() < COMPLAINT_HOLDS => return Some(said),
                _ if Instant::now() >= until => return None,
                _ => thread::sleep(LOOK_AGAIN),
            }
        }
    }

    /// A broker has answered: what was said before is over.
    pub(crate) fn settled(&self) {
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = None;
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
        let answer = self.native.offsets_for_times(question, CALL_TIMEOUT).map_err(failed)?;
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

/// Passes librdkafka's lines on to our log, and keeps its last complaint.
pub(crate) struct Quiet(Complaint);

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::error(&error, reason);
        // That all are down, or that a connection has ended, says nothing about the reason.
        let is_reason = error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown);
        let said = client_log::cause(reason);
        if is_reason && !said.ends_with(": Disconnected") {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), said));
        }
    }
}

impl ConsumerContext for Quiet {}
