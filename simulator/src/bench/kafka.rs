//! librdkafka alone: fills and reads the log, and is the limit of those who do more than that.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, FutureProducer, FutureRecord, Producer, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::pace::{Pace, Times};
use super::workload::{self, Mix};

/// Partitions of every topic.
pub(super) const PARTITIONS: i32 = 8;
/// What the api lets await delivery; the limit has no more.
const QUEUE: &str = "50000";
const FLUSH_WITHIN: Duration = Duration::from_secs(30);

/// A row as it lies in the log.
pub(super) struct Row {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) topic: String,
    pub(super) event_id: String,
    pub(super) timestamp: DateTime<Utc>,
    pub(super) source: String,
    pub(super) payload: String,
}

/// A topic as the product would create it.
pub(super) async fn create_topic(brokers: &str, name: &str) -> Result<()> {
    create_topic_of(brokers, name, PARTITIONS).await
}

/// The same, with so many partitions.
pub(super) async fn create_topic_of(brokers: &str, name: &str, partitions: i32) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = client(brokers).create()?;
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1))
        .set("cleanup.policy", "delete")
        .set("message.timestamp.type", "LogAppendTime")
        .set("max.message.bytes", "2097152");
    let created = admin.create_topics([&topic], &AdminOptions::new()).await?;
    for one in created {
        one.map_err(|(name, code)| anyhow::anyhow!("topic {name}: {code}"))?;
    }
    Ok(())
}

fn client(brokers: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", brokers);
    client
}

/// A producer with the api's settings.
fn producer(brokers: &str) -> ClientConfig {
    let mut client = client(brokers);
    client
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("message.max.bytes", "2097152")
        .set("queue.buffering.max.messages", QUEUE);
    client
}

fn headers() -> OwnedHeaders {
    OwnedHeaders::new_with_capacity(1).insert(Header { key: "schema", value: Some("1") })
}

/// Counts what was delivered.
#[derive(Clone, Default)]
struct Delivered(Arc<AtomicUsize>);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

type Open = ThreadedProducer<Delivered>;

fn send(producer: &Open, topic: &str, key: &[u8], value: &[u8]) -> Result<()> {
    send_to(producer, BaseRecord::to(topic).key(key).payload(value).headers(headers()))
}

fn send_to(producer: &Open, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<()> {
    while let Err((error, back)) = producer.send(record) {
        ensure!(error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull), "{error}");
        record = back;
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

/// Appends the events of a mix with these numbers.
pub(super) fn fill(brokers: &str, topic: &str, mix: Mix, numbers: Range<u64>) -> Result<()> {
    let count = (numbers.end - numbers.start) as usize;
    let delivered = Delivered::default();
    let mut config = producer(brokers);
    config.set("linger.ms", "20");
    let producer = Open::from_config_and_context(&config, delivered.clone())?;
    for event in mix.events(numbers) {
        let mut key = event.topic();
        if mix.by_event {
            key.push('\0');
            key.push_str(&event.id());
        }
        send(&producer, topic, key.as_bytes(), event.wire().as_bytes())?;
    }
    producer.flush(FLUSH_WITHIN)?;
    ensure!(delivered.0.load(Ordering::Relaxed) == count, "not all records were delivered");
    Ok(())
}

/// Appends so many events to partitions in turn, each with a text of one letter, so long.
pub(super) fn fill_with_letters(
    brokers: &str,
    topic: &str,
    partitions: i32,
    (count, letters): (usize, usize),
) -> Result<()> {
    let delivered = Delivered::default();
    let mut config = producer(brokers);
    config.set("linger.ms", "20");
    let producer = Open::from_config_and_context(&config, delivered.clone())?;
    let text = "a".repeat(letters);
    for (number, partition) in (0..count as u64).zip((0..partitions).cycle()) {
        let key = format!("bench-{partition}");
        let value = workload::with_text(&key, &workload::event_id(number), &text);
        send_to(&producer, BaseRecord::to(topic).partition(partition).key(key.as_bytes()).payload(value.as_bytes()))?;
    }
    producer.flush(FLUSH_WITHIN)?;
    ensure!(delivered.0.load(Ordering::Relaxed) == count, "not all records were delivered");
    Ok(())
}

/// Appends so many bytes to each partition, as they are, in a transaction that is taken back.
pub(super) fn fill_in_vain(brokers: &str, topic: &str, partitions: i32, bytes: usize) -> Result<()> {
    const RECORD: usize = 10_000;
    let mut config = producer(brokers);
    config.set("compression.type", "none").set("transactional.id", topic);
    let producer = Open::from_config_and_context(&config, Delivered::default())?;
    producer.init_transactions(FLUSH_WITHIN)?;
    producer.begin_transaction()?;
    let value = vec![0; RECORD];
    for partition in (0..partitions).cycle().take(bytes / RECORD * partitions as usize) {
        send_to(&producer, BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(&value))?;
    }
    producer.flush(FLUSH_WITHIN)?;
    producer.abort_transaction(FLUSH_WITHIN)?;
    Ok(())
}

/// Records per second that a producer appends that never waits, for so long.
pub(super) fn open_loop(brokers: &str, topic: &str, topics: u64, lasting: Duration) -> Result<f64> {
    let delivered = Delivered::default();
    let producer = Open::from_config_and_context(&producer(brokers), delivered.clone())?;
    let records = ready_made(topics);
    // Connecting is not measured.
    for (key, value) in &records {
        send(&producer, topic, key.as_bytes(), value.as_bytes())?;
    }
    producer.flush(FLUSH_WITHIN)?;
    delivered.0.store(0, Ordering::Relaxed);
    let begun = Instant::now();
    while begun.elapsed() < lasting {
        for (key, value) in &records {
            send(&producer, topic, key.as_bytes(), value.as_bytes())?;
        }
    }
    producer.flush(FLUSH_WITHIN)?;
    Ok(delivered.0.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// Records per second of so many callers, each of which sends one and awaits its report.
pub(super) async fn closed_loop(
    brokers: &str,
    topic: &str,
    topics: u64,
    (callers, lasting): (usize, Duration),
) -> Result<f64> {
    let producer = connected(brokers, topic).await?;
    let records = Arc::new(ready_made(topics));
    let (sent, deadline) = (Arc::new(AtomicU64::new(0)), Instant::now() + lasting);
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (producer, records, sent, topic) = (producer.clone(), records.clone(), sent.clone(), topic.to_owned());
        tasks.spawn(async move {
            for (key, value) in records.iter().cycle().skip(caller) {
                if Instant::now() >= deadline {
                    break;
                }
                let record = FutureRecord::to(&topic).key(key).payload(value).headers(headers());
                producer.send(record, Duration::ZERO).await.map_err(|(error, _)| error)?;
                sent.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), KafkaError>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(sent.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// Times from when a record was due to its report, at a rate that is kept whatever the reports do.
pub(super) async fn acknowledgements(brokers: &str, topic: &str, topics: u64, pace: Pace) -> Result<Times> {
    let producer = connected(brokers, topic).await?;
    let records = Arc::new(ready_made(topics));
    let beat = pace.start();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..pace.clients {
        let (producer, records, topic, beat) = (producer.clone(), records.clone(), topic.to_owned(), beat.clone());
        tasks.spawn(async move {
            let mut times = Times::new();
            while let Some(due) = beat.next().await {
                let (key, value) = &records[due.nth as usize % records.len()];
                let record = FutureRecord::to(&topic).key(key).payload(value).headers(headers());
                producer.send(record, Duration::ZERO).await.map_err(|(error, _)| error)?;
                times.since(due.at);
            }
            Ok::<_, anyhow::Error>(times)
        });
    }
    Times::of_all(tasks).await
}

/// A producer that has its connections, its identity, and has written to every partition.
async fn connected(brokers: &str, topic: &str) -> Result<FutureProducer> {
    let producer: FutureProducer = producer(brokers).create()?;
    for partition in 0..PARTITIONS {
        let record = FutureRecord::<str, str>::to(topic).partition(partition).payload("{}");
        producer.send(record, Duration::ZERO).await.map_err(|(error, _)| error)?;
    }
    Ok(producer)
}

/// Keys and values, so that nothing but librdkafka is measured.
fn ready_made(topics: u64) -> Vec<(String, String)> {
    let mix = Mix { name: "ready made", repeats: workload::Repeats::Never, topics, by_event: false };
    mix.events(0..2_000).map(|event| (event.topic(), event.wire())).collect()
}

/// Reads a topic of so many records from its beginning, and hands each of them over.
fn read(brokers: &str, topic: &str, count: usize, mut each: impl FnMut(i32, i64, &[u8]) -> Result<()>) -> Result<f64> {
    let mut config = client(brokers);
    config
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "false")
        .set("queued.min.messages", "20000")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100");
    let consumer: BaseConsumer = config.create()?;
    let all: HashMap<_, _> =
        (0..PARTITIONS).map(|partition| ((topic.to_owned(), partition), Offset::Beginning)).collect();
    consumer.assign(&TopicPartitionList::from_topic_map(&all)?)?;
    let (mut begun, mut read) = (None, 0);
    while read < count {
        let message = consumer.poll(Duration::from_secs(10)).context("no record within 10 s")??;
        // The first record, not the connecting before it.
        begun.get_or_insert_with(Instant::now);
        let Some(value) = message.payload() else { bail!("a record without a value") };
        each(message.partition(), message.offset(), value)?;
        read += 1;
    }
    Ok(count as f64 / begun.map_or(f64::MIN_POSITIVE, |begun| begun.elapsed().as_secs_f64()))
}

/// Records per second of a consumer that does nothing with them.
pub(super) fn read_rate(brokers: &str, topic: &str, count: usize) -> Result<f64> {
    let mut bytes = 0;
    read(brokers, topic, count, |_, _, value| {
        bytes += value.len();
        Ok(())
    })
}

/// All rows of a topic, in the order in which a consumer sees them.
pub(super) fn read_rows(brokers: &str, topic: &str, count: usize) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(count);
    read(brokers, topic, count, |partition, offset, value| {
        let event: Wire<'_> = serde_json::from_slice(value)?;
        rows.push(Row {
            partition,
            offset,
            topic: event.topic.to_owned(),
            event_id: event.event_id.to_owned(),
            timestamp: event.timestamp,
            source: event.source.to_owned(),
            payload: event.payload.get().to_owned(),
        });
        Ok(())
    })?;
    Ok(rows)
}

#[derive(Deserialize)]
struct Wire<'a> {
    topic: &'a str,
    event_id: &'a str,
    timestamp: DateTime<Utc>,
    source: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}
