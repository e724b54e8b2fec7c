//! Reading the log as a member of the consumer group.
//!
//! One thread owns librdkafka's consumer and polls it without ever waiting for anybody else: an
//! outage of the database must not cost the group membership. It tells what happens as [`ConsumerEvent`]s;
//! what is to be done about them comes back through a [`Reader`].
//!
//! - **Where reading starts is never librdkafka's decision.** An assigned partition is held, paused
//!   and unread, until [`Reader::start`] names an offset. `auto.offset.reset=error`: neither the
//!   beginning nor the end is a place to go to silently.
//! - **Every start has an epoch**, and every record bears the epoch that it was read in, so that what
//!   was under way before a restart can be told from what comes after it.
//! - **Records are copied out**: one that is kept would pin its whole fetch buffer.
//! - **Behind a batch that can't be read nothing is handed over** until [`Reader::start`]: librdkafka passes over
//!   one that is damaged, and what is missing would look like a gap.
//! - **Budgets**: while a partition has its share of the bytes that may wait, and nothing common is left,
//!   it is waited for, for a moment, in which nothing is read; then it is paused, and resumed when it is
//!   at half of its share and what is free, since a pause throws away what was fetched ahead.

mod backlog;
pub(crate) mod context;
pub(crate) mod event;
mod membership;
mod orders;
mod poll;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::ffi::{Events, metadata};
use crate::planted;
use crate::{BrokerError, Config};

pub use crate::failure::{FailureKind, PartitionFailure};
pub use crate::record::Record;
use backlog::Backlog;
use context::Context;
pub use event::ConsumerEvent;
use orders::{Command, list};

/// How long a blocking question to the broker may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How to consume.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `KAFKA_GROUP`: the consumer group.
    pub group: String,
    /// `KAFKA_INSTANCE_ID`: who this member is, also when it comes back.
    pub instance_id: Option<String>,
    /// `KAFKA_SESSION_TIMEOUT`: a member silent for this long loses its partitions.
    pub session_timeout: Duration,
    /// How long a revoked partition waits for its writer.
    pub release_within: Duration,
    /// `CONSUMER_QUEUE_BYTES`: records handed over and not yet stored, over all partitions.
    pub queue_bytes: usize,
    /// `CONSUMER_FETCH_BYTES`: what librdkafka fetches ahead.
    pub fetch_bytes: usize,
}

/// Of one partition in one answer of the broker, compressed. librdkafka doubles it, for as long as the
/// partition is assigned, with each answer in which nothing is to be handed over, as where a transaction was
/// taken back.
const FETCH_PER_PARTITION: usize = 64 * 1024;
/// Of all partitions in one answer, compressed. All of an answer is unpacked at once, past every limit of the
/// queue, and text may unpack to 250 times its size. A larger batch comes all the same (KIP-74).
const FETCH_AT_ONCE: usize = 256 * 1024;

/// What a group has committed of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The offset that is to be read next.
    pub offset: i64,
    /// What was kept beside it.
    pub metadata: String,
}

/// Steers the poll thread. Cheap to clone; no call blocks unless it is `async`.
#[derive(Clone)]
pub struct Reader {
    consumer: Arc<BaseConsumer<Context>>,
    topic: Arc<str>,
    commands: mpsc::Sender<Command>,
    epochs: Arc<AtomicU64>,
    backlog: Arc<Backlog>,
}

/// Joins the group and starts the poll thread, which hands every event to `sink`.
pub fn open(
    config: &Config,
    settings: &Settings,
    sink: impl FnMut(ConsumerEvent) + Send + 'static,
) -> Result<Reader, BrokerError> {
    let consumer: BaseConsumer<Context> =
        client_config(config, settings).create_with_context(Context).map_err(failed("making a consumer"))?;
    let consumer = Arc::new(consumer);
    let events = Events::of(consumer.clone())?;
    consumer.subscribe(&[&config.topic]).map_err(failed("subscribing"))?;
    let (commands, inbox) = mpsc::channel();
    let backlog = Arc::new(Backlog::new(settings.queue_bytes));
    let reader = Reader {
        consumer: consumer.clone(),
        topic: config.topic.as_str().into(),
        commands,
        epochs: Arc::new(AtomicU64::new(0)),
        backlog: backlog.clone(),
    };
    let poll = poll::Poll::new((consumer, events), config.topic.clone(), backlog, settings.release_within);
    std::thread::Builder::new()
        .name("kafka-poll".to_owned())
        .spawn(move || poll.run(&inbox, sink))
        .map_err(|error| BrokerError::Gone { reason: error.to_string() })?;
    Ok(reader)
}

pub(crate) fn client_config(config: &Config, settings: &Settings) -> rdkafka::ClientConfig {
    let mut client = config.client();
    bound_answers(&mut client, FETCH_PER_PARTITION);
    client
        .set("group.id", &settings.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", settings.session_timeout.as_millis().to_string())
        .set("heartbeat.interval.ms", (settings.session_timeout.as_millis() / 3).to_string())
        // Stores what was handed over, not what was stored in the database.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        // A bit that has flipped on a disk is stored as truth otherwise.
        .set("check.crcs", "true")
        // What a transaction has taken back was never published.
        .set("isolation.level", "read_committed")
        .set("allow.auto.create.topics", "false")
        .set("enable.partition.eof", "true")
        .set("queued.max.messages.kbytes", (settings.fetch_bytes / 1024).max(1).to_string())
        .set("queued.min.messages", "20000")
        // The default of 1 s is a stall of 1 s each time the fetch queue was full for a moment.
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "200");
    if let Some(instance_id) = &settings.instance_id {
        client.set("group.instance.id", instance_id);
    }
    client
}

/// How much the broker may answer at once, and of each partition.
pub(crate) fn bound_answers(client: &mut rdkafka::ClientConfig, per_partition: usize) {
    if planted::answers_are_of_any_size() {
        return;
    }
    client
        .set("fetch.message.max.bytes", per_partition.to_string())
        .set("fetch.max.bytes", FETCH_AT_ONCE.to_string())
        // Of a reader it limits nothing, but the limit of an answer may not lie below it.
        .set("message.max.bytes", FETCH_AT_ONCE.to_string());
}

impl Reader {
    /// Reads the partition from `offset` on, whatever was read before, and gives the epoch that its
    /// records will bear. Ignored if the partition is no longer ours.
    #[must_use = "records of any other epoch are not of this start"]
    pub fn start(&self, partition: i32, offset: i64) -> u64 {
        let epoch = self.epochs.fetch_add(1, Ordering::Relaxed) + 1;
        // A closed channel means that the thread has stopped: nothing will be read any more.
        let _ = self.commands.send(Command::Start { partition, offset, epoch });
        epoch
    }

    /// The writer of a revoked partition has finished.
    pub fn release(&self, partition: i32) {
        let _ = self.commands.send(Command::Release(partition));
    }

    /// These bytes of records have been stored or thrown away.
    pub fn finished(&self, partition: i32, bytes: usize) {
        self.backlog.remove(partition, bytes);
    }

    /// Commits offsets (the next ones to read) to the group, without waiting for the answer: the
    /// database is the truth, these are a lag metric and the group's convention.
    pub fn commit(&self, offsets: &[(i32, i64)]) {
        self.commit_list(&self.list(offsets.iter().map(|&(partition, offset)| (partition, Offset::Offset(offset)))));
    }

    /// As [`Reader::commit`], with something to be kept beside each offset until the next commit.
    pub fn commit_with(&self, offsets: &[(i32, i64, String)]) {
        let list = self.list(offsets.iter().map(|(partition, offset, _)| (*partition, Offset::Offset(*offset))));
        for (partition, _, metadata) in offsets {
            if let Some(mut one) = list.find_partition(&self.topic, *partition) {
                one.set_metadata(metadata);
            }
        }
        self.commit_list(&list);
    }

    fn commit_list(&self, list: &TopicPartitionList) {
        if let Err(error) = self.consumer.commit(list, CommitMode::Async) {
            tracing::debug!(%error, "offsets not committed; the next commit makes up for it");
        }
    }

    /// What the group has committed, where it has.
    pub async fn committed(&self, partitions: &[i32]) -> Result<HashMap<i32, Committed>, BrokerError> {
        let list = self.list(partitions.iter().map(|&partition| (partition, Offset::Invalid)));
        let consumer = self.consumer.clone();
        let ask = move || consumer.committed_offsets(list, ANSWER_WITHIN);
        let committed = tokio::task::spawn_blocking(ask)
            .await
            .map_err(|error| BrokerError::Gone { reason: error.to_string() })?
            .map_err(failed("reading the group's offsets"))?;
        let elements = committed.elements().into_iter().zip(metadata(&committed));
        let offsets = elements.filter_map(|(element, metadata)| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), Committed { offset, metadata })),
            _ => None,
        });
        Ok(offsets.collect())
    }

    /// Leaves the group and stops the poll thread; returns when it has, or after `within`.
    pub async fn close(&self, within: Duration) {
        let (done, closed) = mpsc::channel();
        if self.commands.send(Command::Close(done)).is_ok() {
            let _ = tokio::task::spawn_blocking(move || closed.recv_timeout(within)).await;
        }
    }

    fn list(&self, partitions: impl Iterator<Item = (i32, Offset)>) -> TopicPartitionList {
        list(&self.topic, partitions)
    }
}

fn failed(doing: &'static str) -> impl Fn(rdkafka::error::KafkaError) -> BrokerError {
    move |error| BrokerError::from_kafka(doing, &error)
}
