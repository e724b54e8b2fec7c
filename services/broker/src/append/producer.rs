//! One incarnation of an idempotent librdkafka producer.
//!
//! A fatal error ends that incarnation: librdkafka has lost its place in a partition's
//! sequence and can't say any more what is in the log. What it had under way is
//! unknown from then on and is not handed over again, since that could append it
//! twice *within* the guarantee of idempotence; the publisher repeats it with the
//! same ids. The next request gets a new producer.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use super::in_flight::{InFlight, Ticket};
use super::record::{NewRecord, SCHEMA, TRACEPARENT};
use super::reports::{Offsets, Report};
use crate::error::BrokerError;
use crate::{Config, MAX_MESSAGE_BYTES, client_log, ffi};

/// How long librdkafka tries to deliver a record, in milliseconds.
const MESSAGE_TIMEOUT_MS: &str = "5000";

/// A producer and its number. Dropping it never blocks: librdkafka's own end,
/// which waits for threads and sockets, is given a thread.
pub(crate) struct Producer {
    number: u64,
    native: Option<ThreadedProducer<Reporter>>,
    requests: Arc<InFlight>,
}

impl Producer {
    /// Starts a producer; it connects by itself, so the broker may be down.
    pub(crate) fn start(config: &Config, number: u64, requests: &Arc<InFlight>) -> Result<Self, BrokerError> {
        let reporter = Reporter { number, requests: Arc::clone(requests), offsets: Mutex::default() };
        let native = ThreadedProducer::from_config_and_context(&client_config(config), reporter)
            .map_err(|error| BrokerError::from_kafka("starting the producer", &error))?;
        Ok(Self { number, native: Some(native), requests: Arc::clone(requests) })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What has broken it for good, if anything has.
    pub(crate) fn broken(&self) -> Option<String> {
        let (code, reason) = self.native.as_ref()?.client().fatal_error()?;
        Some(format!("{code}: {reason}"))
    }

    /// Hands over the records of a request in their order, without waiting. Where
    /// librdkafka does not take one, that one and all after it are noted as not
    /// taken: handing on what follows would change the order of the log.
    pub(crate) fn send(&self, topic: &str, ticket: Ticket, records: &[NewRecord]) {
        let Some(native) = &self.native else {
            return self.requests.report_from(ticket, 0, Report::Lost);
        };
        for (index, record) in records.iter().enumerate() {
            let mut message = BaseRecord::with_opaque_to(topic, ticket.token(index))
                .key(&record.key)
                .payload(&record.value)
                .headers(headers(record));
            message.partition = record.partition;
            if let Err((error, _)) = native.send(message) {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                return self.requests.report_from(ticket, index, Report::NotTaken { code });
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn break_it(&self) {
        if let Some(native) = &self.native {
            ffi::raise_fatal_error(native.client());
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let (native, requests, number) = (self.native.take(), Arc::clone(&self.requests), self.number);
        let end = move || {
            drop(native);
            // Its purge has reported what was left; if not, nobody will.
            requests.lose(number);
        };
        if let Err(error) = thread::Builder::new().name("producer end".into()).spawn(end) {
            tracing::error!(%error, "no thread to end a producer on; it was ended in place");
        }
    }
}

pub(crate) fn client_config(config: &Config) -> ClientConfig {
    let mut client = config.client();
    client
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", "5")
        .set("message.timeout.ms", MESSAGE_TIMEOUT_MS)
        .set("message.max.bytes", MAX_MESSAGE_BYTES.to_string())
        .set("linger.ms", config.linger.as_millis().to_string())
        .set("compression.type", "lz4")
        // Of records that name no partition.
        .set("partitioner", "murmur2_random")
        // Our own budget is the limit. librdkafka's would refuse a record in the
        // middle of a request, and half a request would be appended.
        .set("queue.buffering.max.messages", "0")
        .set("queue.buffering.max.kbytes", "2147483647");
    client
}

fn headers(record: &NewRecord) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(2).insert(Header { key: SCHEMA.0, value: Some(SCHEMA.1) });
    match &record.traceparent {
        Some(trace) => headers.insert(Header { key: TRACEPARENT, value: Some(trace) }),
        None => headers,
    }
}

/// Takes librdkafka's reports, on the producer's own polling thread.
struct Reporter {
    number: u64,
    requests: Arc<InFlight>,
    offsets: Mutex<Offsets>,
}

impl ClientContext for Reporter {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::error(&error, reason);
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            tracing::error!(reason, "the producer is broken; what was under way is unknown");
            self.requests.lose(self.number);
        }
    }
}

impl ProducerContext for Reporter {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        crate::planted::panic_in_report();
        let report = match result {
            Ok(message) => {
                let partition = message.partition();
                let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
                offsets.success(partition, message.offset())
            }
            Err((error, message)) => Report::Failed {
                persisted: ffi::persisted(message),
                code: error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown),
            },
        };
        self.requests.report(token, report);
    }
}
