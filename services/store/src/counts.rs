//! The counters behind `/stats` and `/topics`: kept by every transaction, never counted from rows.

use futures::TryStreamExt;
use sqlx::Row;

use crate::error::StoreError;
use crate::events::{KEEP_PLAN, MAX_PAGE_BYTES, TopicsCursor};
use crate::logs::LogId;
use crate::pool::{Lent, Store};

/// How many topic names [`Store::topic_names`] gives at most; [`Store::topics`] pages through all.
pub const MAX_TOPIC_NAMES: usize = 1_000;

/// Sums over every partition of every log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records with an outcome: the sum of the next four.
    pub consumed: i64,
    /// Records that made a row.
    pub stored: i64,
    /// Records that repeated an event.
    pub duplicates: i64,
    /// Records that bore the id of an event but another payload.
    pub conflicts: i64,
    /// Records that could not be stored.
    pub dead_letters: i64,
    /// Offsets that held no record for us: trimmed unread, or gaps of the log.
    pub skipped: i64,
    /// Records read again after a crash or rewind; in none of the others.
    pub redelivered: i64,
}

/// The sums, and how far one log is stored, of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The counters.
    pub totals: Totals,
    /// The newest incarnation of the log that was asked for, which may be another than its asker knows.
    pub log_id: LogId,
    /// `(partition, next_offset)` of that incarnation.
    pub next_offsets: Vec<(i32, i64)>,
}

/// The counters of one event topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCounts {
    /// The event topic.
    pub topic: String,
    /// Events of it in the table.
    pub stored: i64,
    /// Records that repeated one of them.
    pub duplicates: i64,
    /// Records that bore the id of one of them but another payload.
    pub conflicts: i64,
}

/// Some event topics in byte order.
#[derive(Clone, Debug)]
pub struct TopicsPage {
    /// The topics of this page.
    pub topics: Vec<TopicCounts>,
    /// Where to go on, if there is more.
    pub next: Option<TopicsCursor>,
    /// Whether there was no room for the first one.
    pub no_room: bool,
}

impl Store {
    /// The counters of all logs, and how far the newest incarnation of `log_id`'s log has been stored. One
    /// statement, so one snapshot: what the sums count is never beyond what is said to be stored.
    pub async fn summary(&self, log_id: LogId) -> Result<Summary, StoreError> {
        // logs by its primary key, then by its unique key. progress has a row per partition: read
        // whole.
        let mut connection = self.connection().await?;
        let row = sqlx::query(
            "WITH newest AS (
                SELECT newest.log_id
                  FROM logs AS known
                  JOIN logs AS newest USING (cluster_id, kafka_topic, topic_id)
                 WHERE known.log_id = $1
                 ORDER BY newest.life DESC
                 LIMIT 1
             )
             SELECT coalesce(sum(consumed), 0)::int8,
                    coalesce(sum(stored), 0)::int8,
                    coalesce(sum(duplicates), 0)::int8,
                    coalesce(sum(conflicts), 0)::int8,
                    coalesce(sum(dead_letters), 0)::int8,
                    coalesce(sum(skipped), 0)::int8,
                    coalesce(sum(redelivered), 0)::int8,
                    coalesce(array_agg(partition   ORDER BY partition) FILTER (WHERE log_id = (TABLE newest)), '{}'),
                    coalesce(array_agg(next_offset ORDER BY partition) FILTER (WHERE log_id = (TABLE newest)), '{}'),
                    coalesce((TABLE newest), $1)
               FROM progress",
        )
        .bind(log_id)
        .fetch_one(&mut *connection)
        .await?;
        let partitions: Vec<i32> = row.try_get(7)?;
        let next_offsets: Vec<i64> = row.try_get(8)?;
        Ok(Summary {
            totals: Totals {
                consumed: row.try_get(0)?,
                stored: row.try_get(1)?,
                duplicates: row.try_get(2)?,
                conflicts: row.try_get(3)?,
                dead_letters: row.try_get(4)?,
                skipped: row.try_get(5)?,
                redelivered: row.try_get(6)?,
            },
            log_id: row.try_get(9)?,
            next_offsets: partitions.into_iter().zip(next_offsets).collect(),
        })
    }

    /// Event topics in byte order, the first [`MAX_TOPIC_NAMES`] of them.
    pub async fn topic_names(&self) -> Result<Vec<String>, StoreError> {
        // Index: the primary key of topic_counts, in order, up to the limit.
        let mut connection = self.connection().await?;
        let names = sqlx::query_scalar("SELECT DISTINCT topic FROM topic_counts ORDER BY topic LIMIT $1")
            .persistent(KEEP_PLAN)
            .bind(MAX_TOPIC_NAMES as i64)
            .fetch_all(&mut *connection)
            .await?;
        Ok(names)
    }

    /// How many event topics there are: takes the longer, the more there are.
    pub async fn topic_count(&self) -> Result<i64, StoreError> {
        // Index: the primary key of topic_counts, whole.
        let mut connection = self.connection().await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM (SELECT DISTINCT topic FROM topic_counts) AS t")
            .persistent(KEEP_PLAN)
            .fetch_one(&mut *connection)
            .await?;
        Ok(count)
    }

    /// Event topics with their counters, in byte order, at most `limit` of them, from where `cursor` points. `room`
    /// is asked for each whether there is room for so many bytes more; the page ends where there is none, or at
    /// 4 MiB.
    pub async fn topics(
        &self,
        cursor: Option<&TopicsCursor>,
        limit: u32,
        room: &mut (dyn FnMut(usize) -> bool + Send),
    ) -> Result<TopicsPage, StoreError> {
        // Index: the primary key of topic_counts, from the cursor on; one row more than the page
        // says whether there is more.
        let mut connection = self.connection().await?;
        let mut rows = sqlx::query(
            "SELECT topic, sum(stored)::int8, sum(duplicates)::int8, sum(conflicts)::int8
               FROM topic_counts
              WHERE topic > $1
              GROUP BY topic
              ORDER BY topic
              LIMIT $2",
        )
        .persistent(KEEP_PLAN)
        .bind(cursor.map_or("", TopicsCursor::as_str))
        .bind(i64::from(limit) + 1)
        .fetch(&mut *connection);
        let (mut topics, mut bytes, mut more, mut cut) = (Vec::new(), 0, false, false);
        while let Some(row) = rows.try_next().await? {
            more = topics.len() == limit as usize;
            if more {
                break;
            }
            let counts = TopicCounts {
                topic: row.try_get(0)?,
                stored: row.try_get(1)?,
                duplicates: row.try_get(2)?,
                conflicts: row.try_get(3)?,
            };
            bytes += counts.text_bytes();
            cut = bytes > MAX_PAGE_BYTES || !room(counts.text_bytes());
            if cut {
                break;
            }
            topics.push(counts);
        }
        drop(rows);
        if cut {
            // Else the pool would read the rest of the answer before the connection's next use.
            drop(Lent::take(connection));
        }
        let next = topics.last().filter(|_| more || cut).map(|last| TopicsCursor::after(&last.topic));
        let no_room = cut && topics.is_empty();
        Ok(TopicsPage { topics, next, no_room })
    }
}

impl TopicCounts {
    /// What it takes in an answer, about.
    fn text_bytes(&self) -> usize {
        const AROUND: usize = 128;
        self.topic.len() + AROUND
    }
}
