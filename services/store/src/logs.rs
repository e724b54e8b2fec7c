//! Incarnations of the Kafka topic: a position means something within one of them only.

use std::fmt;

use event::LogIdentity;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use crate::deadline::answer;
use crate::error::{Cause, StoreError};
use crate::pool::{Lent, Store};

/// Names one incarnation of the Kafka topic in every position.
pub type LogId = i32;

/// One incarnation of the Kafka topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its id in every position.
    pub log_id: LogId,
    /// 1 for the first; raised each time the log was found to be another one under the same identity.
    pub incarnation: i32,
    /// How many partitions events are published to: as many as it had when it was first seen, or when a change
    /// was accepted.
    pub partitions: i32,
}

/// What the database knows of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Its current incarnation.
    Known(Log),
    /// Nothing under its ids. But the newest log of this name lacks the one that the broker tells now, and is
    /// laid out alike: it may be this one. Whoever reads the log has to find out, and then
    /// [adopts](Store::adopt_ids) it or [opens](Store::open_first_incarnation) another. Nothing was written.
    Unproved(Log),
}

impl Opened {
    /// The log that is gone on with, until it is found out whether it is another one.
    #[must_use]
    pub fn log(self) -> Log {
        match self {
            Opened::Known(log) | Opened::Unproved(log) => log,
        }
    }
}

/// Partitions that were added to a Kafka topic: they are read, and nothing is published to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    topic: String,
    was: i32,
    is: i32,
}

impl Log {
    /// The partitions that were added, if any were, and the change was not accepted.
    #[must_use]
    pub fn added(&self, identity: &LogIdentity) -> Option<Added> {
        let LogIdentity { kafka_topic, partitions, .. } = identity;
        let added = Added { topic: kafka_topic.clone(), was: self.partitions, is: *partitions };
        (added.is > added.was).then_some(added)
    }
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Added { topic, was, is } = self;
        write!(
            f,
            "the Kafka topic {topic} had {was} partitions and now has {is}: all are read, and events are published to \
             the first {was}, so that copies of an event meet in one; ONCELOG_ACCEPT_LAYOUT_CHANGE=true publishes to \
             all {is}, and then order within a topic and \"first payload wins\" may break once"
        )
    }
}

impl Store {
    /// The current incarnation of this log, opened if the database has never seen it and knows none that it could
    /// be. Nothing is written otherwise, so that a read-only database is no obstacle.
    ///
    /// Without a topic id it is the newest log of this name in this cluster: while brokers are upgraded one
    /// after the other, the id comes and goes.
    ///
    /// `accept_change` records a changed layout. Without it partitions that were added leave the log as it was
    /// ([`Log::added`]), and any other change is [`StoreError::LayoutChanged`].
    pub async fn open_log(&self, identity: &LogIdentity, accept_change: bool) -> Result<Opened, StoreError> {
        let mut found = self.newest_life(identity).await?;
        if found.is_none() {
            if let Some(log) = self.without_ids(identity).await? {
                return Ok(Opened::Unproved(log));
            }
            self.open_first_incarnation(identity).await?;
            found = self.newest_life(identity).await?;
        }
        let row = found.ok_or_else(|| {
            let gone = format!("the row of {} was deleted while it was read", identity.kafka_topic);
            StoreError::Unavailable(Cause::at("logs", &gone))
        })?;
        let mut log = Log { log_id: row.try_get(0)?, incarnation: row.try_get(1)?, partitions: row.try_get(2)? };
        let was_by: String = row.try_get(3)?;
        let is_keyed_alike = was_by == identity.partition_by.as_str();
        if is_keyed_alike && log.partitions == identity.partitions {
            return Ok(Opened::Known(log));
        }
        if accept_change {
            self.record_layout(log.log_id, identity).await?;
            log.partitions = identity.partitions;
        } else if !is_keyed_alike || log.added(identity).is_none() {
            return Err(layout_changed(identity, log.partitions, &was_by));
        }
        Ok(Opened::Known(log))
    }

    async fn newest_life(&self, identity: &LogIdentity) -> Result<Option<PgRow>, StoreError> {
        let mut connection = self.connection().await?;
        // Index: the unique key of logs.
        let query = sqlx::query(
            "SELECT log_id, life, partitions, partition_by
               FROM logs
              WHERE cluster_id = $1 AND kafka_topic = $2 AND (topic_id = $3 OR $3 = '')
              ORDER BY log_id DESC
              LIMIT 1",
        )
        .bind(&identity.cluster_id)
        .bind(&identity.kafka_topic)
        .bind(identity.topic_id.as_deref().unwrap_or(""))
        .fetch_optional(&mut *connection);
        Ok(answer(query).await?)
    }

    /// Opens the incarnation after `was`: the log under its identity is not the one that was stored. Several
    /// processes that notice at once open the same one.
    pub async fn open_next_incarnation(&self, identity: &LogIdentity, was: LogId) -> Result<Log, StoreError> {
        // Under the ids that `was` has: while the broker does not tell one, it is not another.
        let query = sqlx::query(
            "INSERT INTO logs (cluster_id, kafka_topic, topic_id, life,  partitions, partition_by)
             SELECT cluster_id, kafka_topic, topic_id, life + 1, $2, $3
               FROM logs AS was
              WHERE log_id = $1
                AND NOT EXISTS (SELECT FROM logs AS next
                                 WHERE next.cluster_id = was.cluster_id AND next.kafka_topic = was.kafka_topic
                                   AND next.topic_id = was.topic_id AND next.life > was.life)
             ON CONFLICT DO NOTHING",
        )
        .bind(was)
        .bind(identity.partitions)
        .bind(identity.partition_by.as_str());
        self.write(query).await?;
        Ok(self.open_log(identity, false).await?.log())
    }

    /// Opens the first incarnation of this log, unless somebody has.
    pub async fn open_first_incarnation(&self, identity: &LogIdentity) -> Result<(), StoreError> {
        // Read first: an INSERT that conflicts burns a value of the identity column.
        let query = sqlx::query(
            "INSERT INTO logs (cluster_id, kafka_topic, topic_id, life,  partitions, partition_by)
             SELECT $1, $2, $3, 1, $4, $5
              WHERE NOT EXISTS (SELECT FROM logs WHERE cluster_id = $1 AND kafka_topic = $2 AND topic_id = $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(&identity.cluster_id)
        .bind(&identity.kafka_topic)
        .bind(identity.topic_id.as_deref().unwrap_or(""))
        .bind(identity.partitions)
        .bind(identity.partition_by.as_str());
        self.write(query).await
    }

    async fn record_layout(&self, log_id: LogId, identity: &LogIdentity) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE logs SET partitions = $2, partition_by = $3 WHERE log_id = $1")
            .bind(log_id)
            .bind(identity.partitions)
            .bind(identity.partition_by.as_str());
        self.write(query).await
    }

    /// Boxed: else rustc does not see that it can be sent, whatever the statement borrows.
    pub(crate) fn write<'a>(
        &'a self,
        statement: Query<'a, Postgres, PgArguments>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let write = async move {
            let mut connection = self.connection().await?;
            let done = answer(statement.execute(&mut *connection)).await;
            if done.is_err() {
                // A session that began while the database was read-only stays so.
                drop(Lent::take(connection));
            }
            done?;
            Ok(())
        };
        write.boxed()
    }
}

fn layout_changed(identity: &LogIdentity, partitions: i32, partition_by: &str) -> StoreError {
    let describe = |partitions, by: &str| format!("{partitions} partitions keyed by {by}");
    StoreError::LayoutChanged {
        topic: identity.kafka_topic.clone(),
        was: describe(partitions, partition_by),
        is: describe(identity.partitions, identity.partition_by.as_str()),
    }
}
