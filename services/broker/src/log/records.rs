//! Single records, read by a client that is gone afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::LogClient;
use super::connection::CALL_TIMEOUT;
use crate::consume::bound_answers;
use crate::consume::context::Context;
use crate::failure::FailureKind;
use crate::ffi::{Event, Events};
use crate::record::Record;
use crate::{BrokerError, Config};

const DOING: &str = "reading single records";
/// Of one partition in one answer: one record is wanted, and a larger one comes all the same (KIP-74).
const FETCH_PER_PARTITION: usize = 16 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl LogClient {
    /// The records at these positions, of each partition one at most; where none is, it is left out. The
    /// positions have to lie within the log's ends. `group` is not joined, and its offsets stay as they are:
    /// it is the name that the right to read has.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`] where of a single one it can't be told within 5 s, or the broker says that
    /// it is out of range.
    pub async fn records_at(&self, group: &str, positions: &[(i32, i64)]) -> Result<Vec<Record>, BrokerError> {
        let (group, positions) = (group.to_owned(), positions.iter().copied().collect());
        self.ask(move |inner| {
            let events = open(&inner.config, &group, &positions)?;
            let records = read(&events, positions);
            // Its end can block: on a thread of its own it blocks nobody.
            let _ = thread::Builder::new().name("log reader".into()).spawn(move || drop(events));
            records
        })
        .await
    }
}

impl LogClient {
    /// Why a client of its own can't read what lies at this position; none if it can, or nothing is there.
    /// `group` as with [`LogClient::records_at`].
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`] where it can't be told within 5 s.
    pub async fn unreadable_at(&self, group: &str, partition: i32, offset: i64) -> Result<Option<String>, BrokerError> {
        let group = group.to_owned();
        self.ask(move |inner| {
            let events = open(&inner.config, &group, &[(partition, offset)].into())?;
            let failure = first_failure(&events, partition);
            let _ = thread::Builder::new().name("log reader".into()).spawn(move || drop(events));
            failure
        })
        .await
    }
}

/// The first thing that comes of the partition shows whether it can be read.
fn first_failure(events: &Events<Context>, partition: i32) -> Result<Option<String>, BrokerError> {
    let deadline = Instant::now() + CALL_TIMEOUT;
    while Instant::now() < deadline {
        match events.poll(LOOK_EVERY) {
            Some(Event::Record(_) | Event::End { .. }) => return Ok(None),
            Some(Event::Failure(failure))
                if failure.kind() == FailureKind::Unreadable && failure.partition == Some(partition) =>
            {
                return Ok(Some(failure.reason));
            }
            Some(Event::Failure(failure)) if failure.is_fatal || failure.out_of_range().is_some() => {
                return Err(BrokerError::Unreachable { doing: DOING, reason: failure.reason });
            }
            _ => {}
        }
    }
    Err(BrokerError::timed_out(DOING, CALL_TIMEOUT))
}

fn open(config: &Config, group: &str, positions: &BTreeMap<i32, i64>) -> Result<Events<Context>, BrokerError> {
    let failed = |error| BrokerError::from_kafka(DOING, &error);
    let mut client = config.client();
    bound_answers(&mut client, FETCH_PER_PARTITION);
    client
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("isolation.level", "read_committed")
        .set("allow.auto.create.topics", "false")
        .set("enable.partition.eof", "true")
        .set("queued.max.messages.kbytes", "1024");
    let consumer: BaseConsumer<Context> = client.create_with_context(Context).map_err(failed)?;
    let consumer = Arc::new(consumer);
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (&partition, &offset) in positions {
        list.add_partition_offset(&config.topic, partition, Offset::Offset(offset)).map_err(failed)?;
    }
    consumer.assign(&list).map_err(failed)?;
    Events::of(consumer)
}

/// The first thing that comes of a partition is the record, or shows that there is none.
fn read(events: &Events<Context>, mut wanted: BTreeMap<i32, i64>) -> Result<Vec<Record>, BrokerError> {
    let deadline = Instant::now() + CALL_TIMEOUT;
    let mut records = Vec::with_capacity(wanted.len());
    while !wanted.is_empty() {
        if Instant::now() >= deadline {
            return Err(BrokerError::timed_out(DOING, CALL_TIMEOUT));
        }
        match events.poll(LOOK_EVERY) {
            Some(Event::Record(record)) => {
                let is_there = wanted.remove(&record.partition) == Some(record.offset);
                records.extend(is_there.then_some(record));
            }
            Some(Event::End { partition }) => drop(wanted.remove(&partition)),
            Some(Event::Failure(failure)) if failure.is_fatal => {
                return Err(BrokerError::from_code(DOING, failure.code));
            }
            Some(Event::Failure(failure)) if failure.out_of_range().is_some() => {
                return Err(BrokerError::Unreachable { doing: DOING, reason: failure.reason });
            }
            _ => {}
        }
    }
    Ok(records)
}
