//! The broker under test, and what a test does to it behind the crate's back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use broker::{Appender, Config, LogClient, NewRecord};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers as _, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn brokers() -> String {
    std::env::var("KAFKA_BROKERS").expect("no broker to test against: run `make test`")
}

/// A configuration with a topic name that nobody else has.
pub fn config(partitions: i32) -> Config {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let topic = format!("broker-{now}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    Config { partitions, ..Config::new(brokers(), topic) }
}

/// The same, with the topic created.
pub async fn ready(partitions: i32) -> (Config, LogClient) {
    let config = config(partitions);
    let log = LogClient::open(&config).unwrap();
    log.ensure_topic().await.unwrap();
    (config, log)
}

pub fn record(key: &str, value: &str) -> NewRecord {
    NewRecord { key: key.into(), partition: None, value: value.into(), traceparent: None }
}

pub fn client(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.brokers);
    client
}

pub fn admin(config: &Config) -> AdminClient<DefaultClientContext> {
    client(config).create().unwrap()
}

pub async fn create(config: &Config, settings: &[(&str, &str)]) {
    let topic = NewTopic::new(&config.topic, config.partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let results = admin(config).create_topics([&topic], &AdminOptions::new()).await.unwrap();
    results.into_iter().for_each(|result| drop(result.unwrap()));
}

pub async fn delete(config: &Config) {
    let admin = admin(config);
    let results = admin.delete_topics(&[&config.topic], &AdminOptions::new()).await.unwrap();
    results.into_iter().for_each(|result| drop(result.unwrap()));
}

/// A record as an independent reader finds it.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub partition: i32,
    pub offset: i64,
    pub key: String,
    pub value: String,
    pub headers: Vec<(String, String)>,
}

/// Reads `count` records, or as many as there are when patience ends.
pub fn read(config: &Config, count: usize) -> Vec<Found> {
    let mut client = client(config);
    let reader: BaseConsumer = client.set("group.id", &config.topic).create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..config.partitions {
        all.add_partition_offset(&config.topic, partition, Offset::Beginning).unwrap();
    }
    reader.assign(&all).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    while found.len() < count && Instant::now() < deadline {
        if let Some(Ok(message)) = reader.poll(Duration::from_millis(100)) {
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            found.push(Found {
                partition: message.partition(),
                offset: message.offset(),
                key: text(message.key()),
                value: text(message.payload()),
                headers: message
                    .headers()
                    .map(|all| all.iter().map(|h| (h.key.to_owned(), text(h.value))).collect())
                    .unwrap_or_default(),
            });
        }
    }
    found
}

/// The records in the log, counted by its ends.
pub async fn length(log: &LogClient) -> i64 {
    log.watermarks().await.unwrap().iter().map(|part| part.high - part.low).sum()
}

/// Waits until `condition` holds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn all_delivered(appender: &Appender) {
    eventually("all records are reported on", || async { appender.queued().messages == 0 }).await;
}
