//! A hand on the Kafka topic, past the services: read it independently, write to it,
//! tamper with it and with the group's offsets.

use std::time::Duration;

use futures::future::join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use super::TestbedError;
use super::deadline::eventually;
use crate::model::{Ends, LogRecord};
use crate::plan::Codec;

/// Unpacked.
const LARGEST_BATCH: &str = "1000000000";
const PATIENCE: Duration = Duration::from_secs(20);
/// What a batch can be that can't be read.
const UNREADABLE: [RDKafkaErrorCode; 2] = [RDKafkaErrorCode::BadMessage, RDKafkaErrorCode::BadCompression];

/// The Kafka topic of one run, on the direct listener.
#[derive(Clone, Debug)]
pub struct Topic {
    pub(super) brokers: String,
    /// Its name.
    pub name: String,
    /// Partitions; more are added by [`Topic::add_partitions`].
    pub partitions: i32,
}

/// A record to be written; no value makes a tombstone.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

/// A transaction of another producer that is open; dropped, it stays so until the broker aborts it.
pub struct OpenTransaction(FutureProducer);

impl std::fmt::Debug for OpenTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenTransaction").finish_non_exhaustive()
    }
}

impl Topic {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("log_level", "0");
        config
    }

    fn consumer(&self, group: &str) -> Result<BaseConsumer, TestbedError> {
        let mut config = self.config();
        config.set("group.id", group).set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.set("check.crcs", "true").set("receive.message.max.bytes", LARGEST_BATCH);
        Ok(config.create()?)
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, TestbedError> {
        Ok(self.config().create()?)
    }

    /// Where each partition begins and ends.
    pub async fn ends(&self) -> Result<Vec<Ends>, TestbedError> {
        let topic = self.clone();
        blocking(move || {
            let consumer = topic.consumer("sim-reader")?;
            let of = |partition| {
                let (low, high) = consumer.fetch_watermarks(&topic.name, partition, PATIENCE)?;
                Ok(Ends { partition, low, high })
            };
            (0..topic.partitions).map(of).collect()
        })
        .await
    }

    /// Every record that is there, aborted ones excluded.
    pub async fn records(&self) -> Result<Vec<LogRecord>, TestbedError> {
        let ends = self.ends().await?;
        let topic = self.clone();
        blocking(move || {
            let mut found = Vec::new();
            for ends in ends.into_iter().filter(|ends| ends.low < ends.high) {
                topic.read(ends, &mut found)?;
            }
            Ok(found)
        })
        .await
    }

    /// A record that can't be read counts as one without a value: it is a dead letter, whatever it was.
    fn read(&self, ends: Ends, found: &mut Vec<LogRecord>) -> Result<(), TestbedError> {
        let Ends { partition, low, high } = ends;
        let mut at = low;
        while at < high {
            if !self.read_from(partition, &mut at, found)? {
                found.push(LogRecord { partition, offset: at, value: None });
                at += 1;
            }
        }
        Ok(())
    }

    /// Whether all was read up to the end; else what comes next can't be read.
    fn read_from(&self, partition: i32, at: &mut i64, found: &mut Vec<LogRecord>) -> Result<bool, TestbedError> {
        let consumer = self.consumer("sim-reader")?;
        consumer.assign(&self.offsets([(partition, *at)])?)?;
        loop {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    *at = message.offset() + 1;
                    let value = message.payload().map(<[u8]>::to_vec);
                    found.push(LogRecord { partition, offset: message.offset(), value });
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    *at = i64::MAX;
                    return Ok(true);
                }
                Some(Err(KafkaError::MessageConsumption(code))) if UNREADABLE.contains(&code) => return Ok(false),
                Some(Err(error)) => return Err(error.into()),
                None => {
                    return Err(TestbedError::Late { what: "the end of a partition".to_owned(), within: PATIENCE });
                }
            }
        }
    }

    fn offsets(&self, of: impl IntoIterator<Item = (i32, i64)>) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in of {
            list.add_partition_offset(&self.name, partition, Offset::Offset(offset))?;
        }
        Ok(list)
    }

    /// Appends records to one partition, in order.
    pub async fn append(&self, partition: i32, records: &[Raw]) -> Result<(), TestbedError> {
        let producer: FutureProducer = self.config().set("acks", "all").create()?;
        self.send(&producer, partition, records).await
    }

    /// Appends records to one partition, in batches of so many.
    pub async fn append_in_batches(
        &self,
        partition: i32,
        records: &[Raw],
        (at_once, codec): (usize, Option<Codec>),
    ) -> Result<(), TestbedError> {
        let mut config = self.config();
        config.set("acks", "all").set("linger.ms", "5000").set("batch.num.messages", at_once.to_string());
        config.set("message.max.bytes", LARGEST_BATCH).set("batch.size", LARGEST_BATCH);
        if let Some(codec) = codec {
            let codec = match codec {
                Codec::Lz4 => "lz4",
                Codec::Zstd => "zstd",
            };
            config.set("compression.codec", codec);
        }
        self.send(&config.create()?, partition, records).await
    }

    /// Appends records to each partition in one transaction.
    pub async fn transaction(&self, records: &[Vec<Raw>], committed: bool) -> Result<(), TestbedError> {
        let id = format!("{}-outsider", self.name);
        let producer: FutureProducer = self.config().set("transactional.id", id).create()?;
        let starting = producer.clone();
        blocking(move || Ok(starting.init_transactions(PATIENCE)?)).await?;
        producer.begin_transaction()?;
        for (partition, records) in (0..).zip(records) {
            self.send(&producer, partition, records).await?;
        }
        blocking(move || Ok(end(&producer, committed)?)).await
    }

    /// Begins a transaction with records in one partition, and leaves it open.
    pub async fn open(&self, partition: i32, records: &[Raw]) -> Result<OpenTransaction, TestbedError> {
        let id = format!("{}-hanging", self.name);
        let mut config = self.config();
        // The broker aborts it by itself after that.
        config.set("transactional.id", id).set("transaction.timeout.ms", "600000");
        let producer: FutureProducer = config.create()?;
        let starting = producer.clone();
        blocking(move || Ok(starting.init_transactions(PATIENCE)?)).await?;
        producer.begin_transaction()?;
        self.send(&producer, partition, records).await?;
        Ok(OpenTransaction(producer))
    }

    /// Ends an open transaction; returns when nothing is behind it any more.
    pub async fn end(&self, open: OpenTransaction, committed: bool) -> Result<(), TestbedError> {
        blocking(move || Ok(end(&open.0, committed)?)).await?;
        eventually("no transaction is open", PATIENCE, async || {
            let (stable, high) = (self.ends().await?, self.last_offsets().await?);
            let high = high.iter().zip(&stable).all(|(high, stable)| *high == stable.high);
            Ok(high.then_some(()))
        })
        .await
    }

    /// Where each partition ends, open transactions included.
    async fn last_offsets(&self) -> Result<Vec<i64>, TestbedError> {
        let topic = self.clone();
        blocking(move || {
            let mut config = topic.config();
            let consumer: BaseConsumer = config.set("isolation.level", "read_uncommitted").create()?;
            let of = |partition| Ok(consumer.fetch_watermarks(&topic.name, partition, PATIENCE)?.1);
            (0..topic.partitions).map(of).collect()
        })
        .await
    }

    async fn send(&self, producer: &FutureProducer, partition: i32, records: &[Raw]) -> Result<(), TestbedError> {
        let sent = records.iter().map(|record| {
            let mut message = FutureRecord::to(&self.name).partition(partition).key(&record.key);
            message.payload = record.value.as_ref();
            producer.send(message, PATIENCE)
        });
        // Handed over in their order before any report is waited for.
        for report in join_all(sent).await {
            report.map_err(|(error, _)| error)?;
        }
        Ok(())
    }

    /// Commits offsets in the group's name, as soon as the group is empty.
    pub async fn commit(&self, group: &str, offsets: impl IntoIterator<Item = (i32, i64)>) -> Result<(), TestbedError> {
        let offsets = self.offsets(offsets)?;
        eventually("the group is empty", PATIENCE, async || {
            let (topic, group, offsets) = (self.clone(), group.to_owned(), offsets.clone());
            blocking(move || Ok(topic.consumer(&group)?.commit(&offsets, CommitMode::Sync)?)).await.map(Some)
        })
        .await
    }

    /// What the group has committed, where it has.
    pub async fn committed(&self, group: &str) -> Result<Vec<(i32, i64)>, TestbedError> {
        let (topic, group) = (self.clone(), group.to_owned());
        blocking(move || {
            let asked = topic.offsets((0..topic.partitions).map(|partition| (partition, 0)))?;
            let told = topic.consumer(&group)?.committed_offsets(asked, PATIENCE)?;
            let told = told.elements();
            let committed = told.iter().filter_map(|one| match one.offset() {
                Offset::Offset(offset) => Some((one.partition(), offset)),
                _ => None,
            });
            Ok(committed.collect())
        })
        .await
    }

    /// Deletes the topic and creates it again.
    pub async fn recreate(&self) -> Result<(), TestbedError> {
        let admin = self.admin()?;
        refused(admin.delete_topics(&[&self.name], &AdminOptions::new()).await?)?;
        let new = NewTopic::new(&self.name, self.partitions, TopicReplication::Fixed(1))
            .set("message.timestamp.type", "LogAppendTime")
            .set("max.message.bytes", "2097152");
        eventually("the topic is created again", PATIENCE, async || {
            match refused(admin.create_topics([&new], &AdminOptions::new()).await?) {
                // Deleting goes on behind the answer.
                Err(TestbedError::Broker(KafkaError::AdminOp(RDKafkaErrorCode::TopicAlreadyExists))) => Ok(None),
                done => done.map(Some),
            }
        })
        .await
    }

    /// Deletes all records, as retention would. Gives where each partition begins now.
    pub async fn trim(&self) -> Result<Vec<(i32, i64)>, TestbedError> {
        let ends: Vec<_> = self.ends().await?.into_iter().map(|ends| (ends.partition, ends.high)).collect();
        self.admin()?.delete_records(&self.offsets(ends.iter().copied())?, &AdminOptions::new()).await?;
        Ok(ends)
    }

    /// Adds partitions.
    pub async fn add_partitions(&mut self, count: i32) -> Result<(), TestbedError> {
        let total = self.partitions + count;
        let more = NewPartitions::new(&self.name, usize::try_from(total).unwrap_or_default());
        refused(self.admin()?.create_partitions([&more], &AdminOptions::new()).await?)?;
        self.partitions = total;
        // Their leaders are chosen behind the answer.
        eventually("the new partitions can be read", PATIENCE, async || self.ends().await.map(Some)).await?;
        Ok(())
    }
}

fn end(producer: &FutureProducer, committed: bool) -> Result<(), KafkaError> {
    if committed { producer.commit_transaction(PATIENCE) } else { producer.abort_transaction(PATIENCE) }
}

fn refused(results: Vec<Result<String, (String, RDKafkaErrorCode)>>) -> Result<(), TestbedError> {
    let refusal = results.into_iter().find_map(Result::err);
    refusal.map_or(Ok(()), |(_, code)| Err(KafkaError::AdminOp(code).into()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TestbedError> + Send + 'static,
) -> Result<T, TestbedError> {
    spawn_blocking(work).await?
}
