//! What librdkafka has to tell a consumer, one event at a time, copied into plain values.
//!
//! In place of `BaseConsumer::poll`, which leaves the partition out of every error but the end of a
//! partition. With each kind of event it does what that does.

use std::ffi::CStr;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use super::native::{NO_ERROR, Native, millis, text};
use crate::error::BrokerError;
use crate::failure::FailureKind;
use crate::headers::Headers;
use crate::record::Record;

/// One of them.
#[derive(Debug)]
pub(crate) enum Event {
    /// A record; its epoch is 0.
    Record(Record),
    /// A partition has no more records for now.
    End { partition: i32 },
    /// Something went wrong.
    Failure(Failure),
    /// The group gives us these partitions, and waits for an answer.
    Assign(Vec<i32>),
    /// The group takes these partitions away, and waits for an answer.
    Revoke(Vec<i32>),
    /// Offsets were not committed.
    NotCommitted(RDKafkaErrorCode),
    /// Told to the client's context already, or of no interest.
    Done,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: RDKafkaErrorCode,
    /// None where it is not about a partition.
    pub(crate) partition: Option<i32>,
    /// The offset that it is about, if it is about one.
    pub(crate) offset: Option<i64>,
    /// In librdkafka's words.
    pub(crate) reason: String,
    /// Nothing will follow.
    pub(crate) is_fatal: bool,
}

impl Failure {
    /// Whether a broker could not be reached.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, Resolve};
        self.partition.is_none() && matches!(self.code, AllBrokersDown | BrokerTransportFailure | Resolve)
    }

    /// What it means for the partition that it is about.
    pub(crate) fn kind(&self) -> FailureKind {
        use RDKafkaErrorCode::{
            BadCompression, BadMessage, InvalidMessage, MessageSizeTooLarge, NotImplemented, TopicAuthorizationFailed,
        };
        match self.code {
            BadMessage | BadCompression | NotImplemented | InvalidMessage | MessageSizeTooLarge => {
                FailureKind::Unreadable
            }
            TopicAuthorizationFailed => FailureKind::NotAuthorized,
            _ => FailureKind::Other,
        }
    }

    /// The partition of which the broker has nothing where it is read, if that is it.
    pub(crate) fn out_of_range(&self) -> Option<i32> {
        let is_it = matches!(self.code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange);
        self.partition.filter(|_| is_it)
    }
}

/// The queue of a consumer that is in a group, or could be: it has a `group.id`.
pub(crate) struct Events<C: ConsumerContext + 'static> {
    consumer: Arc<BaseConsumer<C>>,
    queue: *mut sys::rd_kafka_queue_t,
}

// SAFETY: librdkafka's queues are made for any number of threads, and the pointer is our own reference.
unsafe impl<C: ConsumerContext + 'static> Send for Events<C> {}

impl<C: ConsumerContext + 'static> Events<C> {
    pub(crate) fn of(consumer: Arc<BaseConsumer<C>>) -> Result<Self, BrokerError> {
        // SAFETY: the client is alive while borrowed. The queue counts its references: this one is ours.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        if queue.is_null() {
            return Err(BrokerError::Settings { reason: "a consumer needs a group.id".to_owned() });
        }
        Ok(Events { consumer, queue })
    }

    /// The next event; none if there is none within `wait`.
    pub(crate) fn poll(&self, wait: Duration) -> Option<Event> {
        // SAFETY: the queue is ours until `self` is dropped, and the event is ours until `event` is.
        let event = Native(unsafe { sys::rd_kafka_queue_poll(self.queue, millis(wait)) });
        if event.0.is_null() {
            return None;
        }
        // SAFETY: the event is not null and ours.
        let (kind, code) = unsafe { (sys::rd_kafka_event_type(event.0), sys::rd_kafka_event_error(event.0)) };
        Some(match kind {
            sys::RD_KAFKA_EVENT_FETCH => record(&event),
            sys::RD_KAFKA_EVENT_ERROR => self.failure(&event, code),
            sys::RD_KAFKA_EVENT_REBALANCE => match code {
                Code::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Event::Assign(partitions(&event)),
                Code::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Event::Revoke(partitions(&event)),
                _ => Event::Done,
            },
            sys::RD_KAFKA_EVENT_OFFSET_COMMIT if code != NO_ERROR => Event::NotCommitted(code.into()),
            sys::RD_KAFKA_EVENT_LOG => self.log(&event),
            sys::RD_KAFKA_EVENT_STATS => self.stats(&event),
            _ => Event::Done,
        })
    }

    fn failure(&self, event: &Native, code: Code) -> Event {
        // SAFETY: the event is of this kind and ours; the string lives as long as it and is copied. The
        // partition is a copy of ours, null where there is none, and is destroyed once.
        let (partition, offset, reason, is_fatal) = unsafe {
            let about = sys::rd_kafka_event_topic_partition(event.0);
            let (partition, offset) = about.as_ref().map(|about| (about.partition, about.offset)).unzip();
            if !about.is_null() {
                sys::rd_kafka_topic_partition_destroy(about);
            }
            let is_fatal = sys::rd_kafka_event_error_is_fatal(event.0) != 0;
            (partition, offset, text(sys::rd_kafka_event_error_string(event.0)).trim().to_owned(), is_fatal)
        };
        // One that stands for nothing is negative.
        let offset = offset.filter(|offset| *offset >= 0);
        match (code, partition) {
            (NO_ERROR, _) => Event::Done,
            (Code::RD_KAFKA_RESP_ERR__PARTITION_EOF, Some(partition)) => Event::End { partition },
            _ => {
                self.consumer.context().error(KafkaError::Global(code.into()), &reason);
                Event::Failure(Failure { code: code.into(), partition, offset, reason, is_fatal })
            }
        }
    }

    fn log(&self, event: &Native) -> Event {
        let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the event is of this kind and ours; the strings live as long as it and are copied.
        let told = unsafe {
            let answer = sys::rd_kafka_event_log(event.0, &raw mut facility, &raw mut line, &raw mut level);
            (answer == 0).then(|| (text(facility), text(line)))
        };
        if let Some((facility, line)) = told {
            self.consumer.context().log(log_level(level), facility.trim(), line.trim());
        }
        Event::Done
    }

    fn stats(&self, event: &Native) -> Event {
        // SAFETY: the event is of this kind and ours; the string lives as long as it.
        let stats = unsafe { CStr::from_ptr(sys::rd_kafka_event_stats(event.0)) };
        self.consumer.context().stats_raw(stats.to_bytes());
        Event::Done
    }
}

impl<C: ConsumerContext + 'static> Drop for Events<C> {
    fn drop(&mut self) {
        // SAFETY: our reference, given back once, while the client is still alive.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

fn record(event: &Native) -> Event {
    // SAFETY: the event is of this kind and ours. Its one message is null or lives as long as it, and so do
    // key and value, which are null or as long as the message says; all is copied.
    unsafe {
        let message = sys::rd_kafka_event_message_next(event.0);
        let Some(fields) = message.as_ref() else {
            return Event::Done;
        };
        Event::Record(Record {
            partition: fields.partition,
            offset: fields.offset,
            epoch: 0,
            leader_epoch: Some(sys::rd_kafka_message_leader_epoch(message)).filter(|epoch| *epoch >= 0),
            key: bytes(fields.key.cast(), fields.key_len),
            value: bytes(fields.payload.cast(), fields.len),
            headers: headers(message),
        })
    }
}

/// # Safety
/// `start` is null or points to so many bytes.
unsafe fn bytes(start: *const u8, count: usize) -> Option<Vec<u8>> {
    // SAFETY: by the contract above.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, count) }.to_vec())
}

/// A copy of a record's headers. rust-rdkafka's own accessor panics on a name
/// that is not UTF-8, which anybody who may write to the topic could send.
///
/// # Safety
/// `message` is a record that was read, and its event is still alive.
unsafe fn headers(message: *const sys::rd_kafka_message_t) -> Headers {
    let mut native = ptr::null_mut();
    // SAFETY: by the contract above; `native` becomes a pointer owned by the message, and is only used on
    // success.
    if unsafe { sys::rd_kafka_message_headers(message, &raw mut native) } != NO_ERROR {
        return Headers::default();
    }
    (0..)
        .map_while(|index| {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: `native` belongs to the message; an index past the end is answered with an error, and
            // then nothing was written.
            let answer =
                unsafe { sys::rd_kafka_header_get_all(native, index, &raw mut name, &raw mut value, &raw mut size) };
            if answer != NO_ERROR {
                return None;
            }
            // SAFETY: on success `name` is a C string and `value` null or `size` bytes,
            // all owned by the message, which outlives the copying below.
            Some(unsafe {
                let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), size));
                (CStr::from_ptr(name).to_bytes(), value)
            })
        })
        .collect()
}

/// The partitions that an event is about.
fn partitions(event: &Native) -> Vec<i32> {
    // SAFETY: the list is null or lives as long as the event, and has as many elements as it says; an empty
    // one is not read.
    unsafe {
        match sys::rd_kafka_event_topic_partition_list(event.0).as_ref() {
            Some(list) if list.cnt > 0 => {
                slice::from_raw_parts(list.elems, list.cnt as usize).iter().map(|element| element.partition).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn log_level(level: i32) -> RDKafkaLogLevel {
    use RDKafkaLogLevel as L;
    match level {
        i32::MIN..=0 => L::Emerg,
        1 => L::Alert,
        2 => L::Critical,
        3 => L::Error,
        4 => L::Warning,
        5 => L::Notice,
        6 => L::Info,
        _ => L::Debug,
    }
}
