//! A hand on the Kafka topic: write to it past the api, read it independently, tamper with it.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use super::wait::{eventually, until};

const PATIENCE: Duration = Duration::from_secs(30);
const MESSAGE_MAX: &str = "2097152";

/// Settings of the topic that the api creates.
pub(crate) const AS_OURS: [(&str, &str); 2] =
    [("message.timestamp.type", "LogAppendTime"), ("max.message.bytes", MESSAGE_MAX)];

/// A record as it is to be written, or as it lies on the topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    /// A record with this value, keyed as the api would key the event topic.
    pub(crate) fn new(key: &str, value: impl Into<Vec<u8>>) -> Self {
        Record { key: Some(key.as_bytes().to_vec()), value: Some(value.into()), headers: Vec::new() }
    }

    pub(crate) fn without_value(key: &str) -> Self {
        Record { value: None, ..Record::new(key, "") }
    }

    pub(crate) fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_owned(), Some(value.to_vec())));
        self
    }
}

/// Where a partition begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) partition: i32,
    pub(crate) low: i64,
    pub(crate) high: i64,
}

/// The Kafka topic of one test.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) partitions: i32,
}

impl Log {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config.set("log_level", "0");
        config
    }

    fn producer(&self, codec: &str) -> FutureProducer {
        let mut config = self.config();
        config.set("message.max.bytes", MESSAGE_MAX).set("acks", "all");
        config.set("compression.codec", codec);
        config.set("partitioner", "murmur2_random").create().unwrap()
    }

    fn reader(&self) -> BaseConsumer {
        let mut config = self.config();
        config.set("group.id", "reader").set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "false").create().unwrap()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    /// Appends the records in their order, to one partition. Gives their offsets.
    pub(crate) async fn append_to(&self, partition: i32, records: &[Record]) -> Vec<i64> {
        // As the api does: what is small on the wire may be large in memory.
        self.append_compressed("lz4", partition, records).await
    }

    /// As [`Log::append_to`], with this codec.
    pub(crate) async fn append_compressed(&self, codec: &str, partition: i32, records: &[Record]) -> Vec<i64> {
        let producer = self.producer(codec);
        let mut offsets = Vec::new();
        for record in records {
            offsets.push(self.send(&producer, partition, record).await);
        }
        offsets
    }

    async fn send(&self, producer: &FutureProducer, partition: i32, record: &Record) -> i64 {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            let value = value.as_deref();
            headers = headers.insert(Header { key, value });
        }
        let mut message = FutureRecord::<[u8], [u8]>::to(&self.topic).partition(partition);
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        let delivered = producer.send(message.headers(headers), PATIENCE).await;
        delivered.map_err(|(error, _)| error).unwrap().offset
    }

    /// Writes values to one partition in a transaction, which leaves a marker behind them.
    pub(crate) async fn append_in_transaction(&self, partition: i32, values: Vec<Vec<u8>>) {
        let mut config = self.config();
        let id = format!("{}-writer", self.topic);
        let producer: FutureProducer = config.set("transactional.id", id).create().unwrap();
        let starting = producer.clone();
        blocking(move || starting.init_transactions(PATIENCE).unwrap()).await;
        producer.begin_transaction().unwrap();
        for value in values {
            let record = Record::new("transaction", value);
            self.send(&producer, partition, &record).await;
        }
        blocking(move || producer.commit_transaction(PATIENCE).unwrap()).await;
    }

    /// Begins a transaction with these records, and leaves it open.
    pub(crate) async fn open_transaction(&self, partition: i32, records: Vec<Record>) -> FutureProducer {
        let mut config = self.config();
        let id = format!("{}-hanging", self.topic);
        config.set("transactional.id", id).set("transaction.timeout.ms", "600000");
        let producer: FutureProducer = config.create().unwrap();
        let starting = producer.clone();
        blocking(move || starting.init_transactions(PATIENCE).unwrap()).await;
        producer.begin_transaction().unwrap();
        for record in &records {
            self.send(&producer, partition, record).await;
        }
        producer
    }

    pub(crate) async fn commit_transaction(&self, producer: FutureProducer) {
        blocking(move || producer.commit_transaction(PATIENCE).unwrap()).await;
    }

    /// Where every partition begins and ends, as the broker says it now.
    pub(crate) async fn ends(&self) -> Vec<Ends> {
        // A topic that was created a moment ago may be without a leader yet.
        eventually("every partition tells where it ends", async || {
            let log = self.clone();
            blocking(move || {
                let reader = log.reader();
                let of = |partition| {
                    let (low, high) = reader.fetch_watermarks(&log.topic, partition, PATIENCE).ok()?;
                    Some(Ends { partition, low, high })
                };
                (0..log.partitions).map(of).collect()
            })
            .await
        })
        .await
    }

    /// How many offsets the topic has given away.
    pub(crate) async fn length(&self) -> i64 {
        self.ends().await.iter().map(|ends| ends.high).sum()
    }

    /// Every record that lies on the topic: its partition, its offset and its key and value.
    pub(crate) async fn records(&self) -> Vec<(i32, i64, Record)> {
        let ends = self.ends().await;
        let log = self.clone();
        blocking(move || {
            let partitions = ends.iter().filter(|ends| ends.low < ends.high);
            partitions.flat_map(|ends| log.read(*ends)).collect()
        })
        .await
    }

    fn read(&self, ends: Ends) -> Vec<(i32, i64, Record)> {
        let mut config = self.config();
        config.set("group.id", "reader").set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true");
        let reader: BaseConsumer = config.create().unwrap();
        let start = self.offsets([(ends.partition, ends.low)]);
        reader.assign(&start).unwrap();
        let mut found = Vec::new();
        loop {
            match reader.poll(PATIENCE).expect("the partition ends") {
                Ok(message) => {
                    let (key, value) = (message.key(), message.payload());
                    let record =
                        Record { key: key.map(<[u8]>::to_vec), value: value.map(<[u8]>::to_vec), headers: Vec::new() };
                    found.push((ends.partition, message.offset(), record));
                }
                Err(KafkaError::PartitionEOF(_)) => return found,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn offsets(&self, of: impl IntoIterator<Item = (i32, i64)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in of {
            let offset = Offset::Offset(offset);
            list.add_partition_offset(&self.topic, partition, offset).unwrap();
        }
        list
    }

    /// Commits an offset for every partition in the group's name, as soon as the group is empty.
    pub(crate) async fn commit(&self, group: &str, of: impl Fn(Ends) -> i64) {
        let ends = self.ends().await;
        let offsets = self.offsets(ends.iter().map(|ends| (ends.partition, of(*ends))));
        let mut config = self.config();
        let consumer: BaseConsumer = config.set("group.id", group).create().unwrap();
        let consumer = Arc::new(consumer);
        until("the group is empty", async || {
            let (consumer, offsets) = (consumer.clone(), offsets.clone());
            let commit = move || consumer.commit(&offsets, CommitMode::Sync);
            blocking(commit).await.is_ok()
        })
        .await;
    }

    /// What the group has committed, per partition; none for what it has not.
    pub(crate) async fn committed(&self, group: &str) -> Vec<Option<i64>> {
        let mut config = self.config();
        let consumer: BaseConsumer = config.set("group.id", group).create().unwrap();
        let asked = self.offsets((0..self.partitions).map(|partition| (partition, 0)));
        let told = blocking(move || consumer.committed_offsets(asked, PATIENCE).unwrap()).await;
        let raw = |offset| match offset {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        told.elements().iter().map(|e| raw(e.offset())).collect()
    }

    /// Creates the topic with these settings, before any service does.
    pub(crate) async fn create(&self, settings: &[(&str, &str)]) {
        let replication = TopicReplication::Fixed(1);
        let mut topic = NewTopic::new(&self.topic, self.partitions, replication);
        for (name, value) in settings {
            topic = topic.set(name, value);
        }
        let admin = self.admin();
        eventually("the topic is created", async || {
            let done = admin.create_topics([&topic], &AdminOptions::new()).await;
            match done.unwrap().pop().unwrap() {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Some(()),
                Err(_) => None,
            }
        })
        .await;
    }

    /// Adds partitions, up to so many.
    pub(crate) async fn add_partitions(&mut self, total: i32) {
        let more = NewPartitions::new(&self.topic, total as usize);
        let done = self.admin().create_partitions([&more], &AdminOptions::new()).await;
        done.unwrap().pop().unwrap().unwrap();
        self.partitions = total;
        // Their leaders are chosen behind the answer.
        self.ends().await;
    }

    /// Deletes the topic.
    pub(crate) async fn delete(&self) {
        let done = self.admin().delete_topics(&[&self.topic], &AdminOptions::new()).await;
        done.unwrap().pop().unwrap().unwrap();
    }

    /// Deletes the records below an offset of a partition, as retention would.
    pub(crate) async fn trim(&self, partition: i32, below: i64) {
        let offsets = self.offsets([(partition, below)]);
        let done = self.admin().delete_records(&offsets, &AdminOptions::new()).await;
        done.unwrap();
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap()
}
