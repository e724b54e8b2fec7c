//! Lives of the Kafka topic: a position means something within one of them only.

use event::LogIdentity;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use crate::deadline::answer;
use crate::error::StoreError;
use crate::pool::{Lent, Store};

/// Names one life of the Kafka topic in every position.
pub type LogId = i32;

/// One life of the Kafka topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its id in every position.
    pub log_id: LogId,
    /// 1 for the first; raised each time the log was found to be another one under the same identity.
    pub life: i32,
    /// The partitions it may use.
    pub partitions: i32,
}

impl Store {
    /// The current life of this log, opened if the database has never seen it. Nothing is written
    /// otherwise, so that a read-only database is no obstacle.
    ///
    /// A changed layout is [`StoreError::LayoutChanged`] unless `accept_change`, which records the new one.
    pub async fn open_log(&self, identity: &LogIdentity, accept_change: bool) -> Result<Log, StoreError> {
        let mut found = self.newest_life(identity).await?;
        if found.is_none() {
            self.insert_life(identity, 1).await?;
            found = self.newest_life(identity).await?;
        }
        let row = found.ok_or(sqlx::Error::RowNotFound)?;
        let mut log = Log { log_id: row.try_get(0)?, life: row.try_get(1)?, partitions: row.try_get(2)? };
        let was_by: String = row.try_get(3)?;
        if log.partitions != identity.partitions || was_by != identity.partition_by.as_str() {
            if !accept_change {
                return Err(layout_changed(identity, log.partitions, &was_by));
            }
            self.record_layout(log.log_id, identity).await?;
            log.partitions = identity.partitions;
        }
        Ok(log)
    }

    async fn newest_life(&self, identity: &LogIdentity) -> Result<Option<PgRow>, StoreError> {
        let mut connection = self.connection().await?;
        // Index: the unique key of logs.
        let query = sqlx::query(
            "SELECT log_id, life, partitions, partition_by
               FROM logs
              WHERE cluster_id = $1 AND kafka_topic = $2 AND topic_id = $3
              ORDER BY life DESC
              LIMIT 1",
        )
        .bind(&identity.cluster_id)
        .bind(&identity.kafka_topic)
        .bind(identity.topic_id.as_deref().unwrap_or(""))
        .fetch_optional(&mut *connection);
        Ok(answer(query).await?)
    }

    /// Opens the life after `life`: the log under this identity is not the one that was stored.
    /// Several processes that notice at once open the same one.
    pub async fn open_next_life(&self, identity: &LogIdentity, life: i32) -> Result<Log, StoreError> {
        self.insert_life(identity, life + 1).await?;
        self.open_log(identity, false).await
    }

    async fn insert_life(&self, identity: &LogIdentity, life: i32) -> Result<(), StoreError> {
        // Read first: an INSERT that conflicts burns a value of the identity column.
        let query = sqlx::query(
            "INSERT INTO logs (cluster_id, kafka_topic, topic_id, life, partitions, partition_by)
             SELECT $1, $2, $3, $4, $5, $6
              WHERE NOT EXISTS (SELECT FROM logs
                                 WHERE cluster_id = $1 AND kafka_topic = $2 AND topic_id = $3 AND life >= $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(&identity.cluster_id)
        .bind(&identity.kafka_topic)
        .bind(identity.topic_id.as_deref().unwrap_or(""))
        .bind(life)
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
    fn write<'a>(&'a self, statement: Query<'a, Postgres, PgArguments>) -> BoxFuture<'a, Result<(), StoreError>> {
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
