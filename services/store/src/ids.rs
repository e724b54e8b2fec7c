//! Ids that a log gets when its brokers are upgraded: of the topic (Kafka below 2.8 and Redpanda below 25.3
//! give none), or of the cluster (Redpanda has a word in its place for some seconds after its first start).

use event::LogIdentity;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::deadline::answer;
use crate::error::StoreError;
use crate::logs::{Log, LogId};
use crate::pool::Store;
use crate::witness::{LastStored, Witness};

impl Store {
    /// The newest log of this name, if it lacks an id that `identity` has, contradicts it in none, and has
    /// as many partitions, or fewer: some may have been added.
    pub(crate) async fn without_ids(&self, identity: &LogIdentity) -> Result<Option<Log>, StoreError> {
        let mut connection = self.connection().await?;
        // There is a handful of logs.
        let query = sqlx::query(
            "SELECT log_id, life, partitions
               FROM (SELECT *
                       FROM logs
                      WHERE kafka_topic = $2 AND cluster_id IN ($1, '', 'redpanda.initializing')
                      ORDER BY log_id DESC
                      LIMIT 1) AS newest
              WHERE (topic_id IN ('', $3) OR $3 = '') AND partitions <= $4",
        )
        .bind(&identity.cluster_id)
        .bind(&identity.kafka_topic)
        .bind(identity.topic_id.as_deref().unwrap_or(""))
        .bind(identity.partitions)
        .fetch_optional(&mut *connection);
        let found = answer(query).await?;
        let log =
            |row: PgRow| Ok(Log { log_id: row.try_get(0)?, incarnation: row.try_get(1)?, partitions: row.try_get(2)? });
        found.map(log).transpose()
    }

    /// What is known of the last record that was stored of each partition. Partitions of which nothing is known are
    /// left out.
    pub async fn last_stored(&self, log_id: LogId) -> Result<Vec<(i32, LastStored)>, StoreError> {
        let mut connection = self.connection().await?;
        // Indexes: the primary key of progress, and events_position, which is not asked where a witness was kept.
        let query = sqlx::query(
            r#"SELECT p.partition, p.witness_offset, p.witness_epoch, p.witness_hash, e."offset", e.topic, e.event_id
                 FROM progress AS p
                 LEFT JOIN LATERAL (SELECT "offset", topic, event_id
                                      FROM events
                                     WHERE (log_id, partition) = (p.log_id, p.partition)
                                       AND (p.witness_offset IS NULL OR p.witness_hash IS NULL)
                                     ORDER BY "offset" DESC
                                     LIMIT 1) AS e ON true
                WHERE p.log_id = $1
                ORDER BY p.partition"#,
        )
        .bind(log_id)
        .fetch_all(&mut *connection);
        let found: Result<Vec<_>, sqlx::Error> = answer(query).await?.iter().map(last_stored).collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// The log is the one that has these ids now: writes them down. It is the first incarnation under them, so that
    /// nobody else can open another one under them at the same time.
    pub async fn adopt_ids(&self, log_id: LogId, identity: &LogIdentity) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE logs
                SET cluster_id = $2, topic_id = CASE WHEN $4 = '' THEN topic_id ELSE $4 END, life = 1
              WHERE log_id = $1
                AND NOT EXISTS (SELECT FROM logs WHERE cluster_id = $2 AND kafka_topic = $3 AND topic_id = $4)",
        )
        .bind(log_id)
        .bind(&identity.cluster_id)
        .bind(&identity.kafka_topic)
        .bind(identity.topic_id.as_deref().unwrap_or(""));
        self.write(query).await
    }
}

fn last_stored(row: &PgRow) -> Result<Option<(i32, LastStored)>, sqlx::Error> {
    let witness = Option::zip(row.try_get(1)?, row.try_get(3)?);
    let event: Option<i64> = row.try_get(4)?;
    let last = match (witness, event) {
        (Some((offset, hash)), _) => LastStored::Witness(Witness { offset, leader_epoch: row.try_get(2)?, hash }),
        (None, Some(offset)) => LastStored::Event { offset, topic: row.try_get(5)?, event_id: row.try_get(6)? },
        (None, None) => return Ok(None),
    };
    Ok(Some((row.try_get(0)?, last)))
}
