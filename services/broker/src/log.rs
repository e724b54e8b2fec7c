//! The topic itself: created and verified, identified, measured, and who reads it.
//!
//! Every answer is asked of the cluster at the time of the call; nothing comes
//! from librdkafka's cache, which does not notice that a topic was deleted and
//! created again. Every call ends in bounded time: each of its few requests after
//! 5 s at most.

mod acls;
mod assignment;
mod authorized;
mod config_check;
mod connection;
mod inspect;
mod offsets;
mod records;
mod report;
mod standstill;
mod topic;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event::LogIdentity;
use rdkafka::topic_partition_list::Offset;

pub use self::acls::{Operation, kafka_acls};
pub use self::authorized::Rights;
use self::connection::{CALL_TIMEOUT, Connection};
pub use self::inspect::{Cluster, Inspected, has_no_id_yet};
pub use self::offsets::PartitionOffsets;
pub use self::report::{Finding, Level, TopicReport};
pub use self::topic::TRYING_TO_CREATE;
use crate::ffi::Isolation;
use crate::{BrokerError, Config, ffi};

/// Between two looks at a group without members.
const EMPTY_TWICE: Duration = Duration::from_secs(2);

/// The ends of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The partition.
    pub partition: i32,
    /// The first offset that is still there.
    pub low: i64,
    /// The offset up to which no transaction is open: nothing at or above it is read.
    pub stable: i64,
    /// The offset that the next record will have.
    pub high: i64,
}

/// The ends of a log, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// As [`LogIdentity::topic_id`].
    pub topic_id: Option<String>,
    /// Of all partitions, in their order.
    pub partitions: Vec<Watermarks>,
}

impl Ends {
    /// Whether they are those of the topic with this id, as far as the broker tells. An id that it does not
    /// tell is not another one: while brokers are upgraded one after the other, it comes and goes. But one that
    /// it tells for the first time may be.
    #[must_use]
    pub fn are_of(&self, topic_id: Option<&str>) -> bool {
        self.topic_id.is_none() || self.topic_id.as_deref() == topic_id
    }
}

/// Who reads the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// Members of the group.
    pub members: usize,
    /// Those of them that have partitions of this topic.
    pub members_with_partitions: usize,
}

/// Questions about the log. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct LogClient(Arc<Inner>);

struct Inner {
    config: Config,
    connection: Connection,
    /// Whether the last question found no broker.
    lost: AtomicBool,
}

impl LogClient {
    /// Starts the client. It connects by itself and goes on trying, so a broker
    /// that is down is no error here.
    ///
    /// # Errors
    /// [`BrokerError::Settings`] where librdkafka refuses the configuration.
    pub fn open(config: &Config) -> Result<Self, BrokerError> {
        let connection = Connection::open(config)?;
        Ok(Self(Arc::new(Inner { config: config.clone(), connection, lost: AtomicBool::new(true) })))
    }

    /// Creates the topic unless it is there, and verifies that it is fit to be the
    /// log. Several processes may do so at once.
    ///
    /// # Errors
    /// [`BrokerError::UnfitTopic`] where it would lose or refuse events.
    pub async fn ensure_topic(&self) -> Result<TopicReport, BrokerError> {
        self.ask(|Inner { config, connection, .. }| {
            topic::create_if_missing(connection, config)?;
            let facts = topic::facts(connection, config)?;
            let findings = config_check::judge(config, &facts)?;
            Ok(TopicReport { partitions: facts.partitions, replicas: facts.replicas, findings })
        })
        .await
    }

    /// Which log this is now.
    ///
    /// # Errors
    /// [`BrokerError::NoTopic`] where there is none of that name.
    pub async fn identity(&self) -> Result<LogIdentity, BrokerError> {
        self.ask(|inner| {
            let description = inner.describe()?;
            inner.identity(description)
        })
        .await
    }

    /// The ends of all partitions, in the partitions' order. The low ends are asked
    /// first and the high ends last, so `low <= stable <= high`.
    ///
    /// # Errors
    /// [`BrokerError::NoTopic`]; [`BrokerError::Unreachable`] if a single one of them
    /// can't be had.
    pub async fn watermarks(&self) -> Result<Vec<Watermarks>, BrokerError> {
        Ok(self.ends().await?.partitions)
    }

    /// As [`LogClient::watermarks`], with the topic's id.
    ///
    /// # Errors
    /// The same.
    pub async fn ends(&self) -> Result<Ends, BrokerError> {
        self.ask(|inner| {
            let description = inner.describe()?;
            let all = (inner.config.topic.as_str(), description.partitions);
            let low = inner.connection.offsets(all, Offset::Beginning)?;
            let stable = inner.stable(description.partitions)?;
            let high = inner.connection.offsets(all, Offset::End)?;
            let ends = low.into_iter().zip(stable).zip(high);
            let partitions = (0..).zip(ends).map(|(partition, ((low, stable), high))| {
                // A log that is trimmed meanwhile, or created again, would begin above its end.
                Watermarks { partition, low, stable: stable.clamp(low, high.max(low)), high }
            });
            Ok(Ends { topic_id: description.id, partitions: partitions.collect() })
        })
        .await
    }

    /// Who reads the log in this consumer group. A group that nobody is in, or that
    /// never was, has no members.
    ///
    /// # Errors
    /// [`BrokerError::Unreachable`], [`BrokerError::Refused`].
    pub async fn group(&self, group: &str) -> Result<GroupState, BrokerError> {
        let group = group.to_owned();
        self.ask(move |Inner { config, connection, .. }| {
            // Not DescribeConsumerGroups: librdkafka 2.12 aborts the process when the answer to
            // its coordinator look-up comes after the request has timed out.
            let list = connection
                .client()
                .fetch_group_list(Some(&group), CALL_TIMEOUT)
                .map_err(|error| BrokerError::from_kafka("describing the consumer group", &error))?;
            let shares: Vec<usize> = list
                .groups()
                .iter()
                .flat_map(rdkafka::groups::GroupInfo::members)
                .map(|member| assignment::partitions_of(&config.topic, member.assignment().unwrap_or_default()))
                .collect();
            Ok(GroupState {
                members: shares.len(),
                members_with_partitions: shares.iter().filter(|share| **share > 0).count(),
            })
        })
        .await
    }

    /// How many members the group has. That it has none is seen twice: while the broker that keeps it is being
    /// replaced, a group is nowhere for a moment.
    ///
    /// # Errors
    /// As [`LogClient::group`].
    pub async fn members(&self, group: &str) -> Result<usize, BrokerError> {
        let members = self.group(group).await?.members;
        if members > 0 {
            return Ok(members);
        }
        tokio::time::sleep(EMPTY_TWICE).await;
        Ok(self.group(group).await?.members)
    }

    /// librdkafka's questions block, so they are asked on a thread for that.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Inner) -> Result<T, BrokerError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || inner.answer(question).map_err(|error| inner.explained(error)))
            .await
            .unwrap_or_else(|error| Err(BrokerError::Gone { reason: error.to_string() }))
    }
}

impl Inner {
    /// After an outage the broker is looked for with a plain metadata request before anything is
    /// asked: an admin request that waits for a broker has librdkafka reconnect without a pause, on
    /// a whole core, for as long as the outage lasts.
    fn answer<T>(&self, question: impl FnOnce(&Self) -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        if self.lost.load(Ordering::Relaxed) {
            self.connection
                .client()
                .fetch_metadata(Some(&self.config.topic), CALL_TIMEOUT)
                .map_err(|error| BrokerError::from_kafka("looking for a broker", &error))?;
        }
        let answer = question(self);
        let lost = answer.as_ref().is_err_and(BrokerError::is_transient);
        self.lost.store(lost, Ordering::Relaxed);
        if !lost {
            self.connection.settled();
        }
        answer
    }

    /// An outage with its reason: to librdkafka every one is a question that has timed out.
    fn explained(&self, error: BrokerError) -> BrokerError {
        match error {
            // The broker has answered, and said why that is of no use yet.
            error if inspect::has_no_id_yet(&error) => error,
            BrokerError::Unreachable { doing, reason } => {
                BrokerError::Unreachable { doing, reason: self.connection.complaint().unwrap_or(reason) }
            }
            other => other,
        }
    }

    /// Of each partition the offset up to which no transaction is open.
    fn stable(&self, partitions: i32) -> Result<Vec<i64>, BrokerError> {
        const DOING: &str = "asking where open transactions begin";
        let all: Vec<i32> = (0..partitions).collect();
        let asked = (Offset::End, Isolation::Committed);
        let answer = ffi::list_offsets(self.connection.client(), (&self.config.topic, &all), asked, CALL_TIMEOUT)?;
        answer.into_iter().map(|stable| stable.map_err(|code| BrokerError::from_code(DOING, code))).collect()
    }

    fn describe(&self) -> Result<ffi::TopicDescription, BrokerError> {
        let topic = &self.config.topic;
        ffi::describe_topic(self.connection.client(), topic, CALL_TIMEOUT)?
            .ok_or_else(|| BrokerError::NoTopic { topic: topic.clone() })
    }
}

impl fmt::Debug for LogClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogClient").field("config", &self.0.config).finish_non_exhaustive()
    }
}
