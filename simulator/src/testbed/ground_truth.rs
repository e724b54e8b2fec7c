//! What log and database hold, read past the services.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Database, TestbedError, Topic};
use crate::model::{Counts, GroundTruth, Key, Page, PlaceOf, RowOf};

type PageRow = (i32, i32, i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// Everything, at rest: nothing may be stored meanwhile.
pub(super) async fn read(database: &Database, topic: &Topic) -> Result<GroundTruth, TestbedError> {
    let group = database.group().await?;
    Ok(GroundTruth {
        pages: pages(database).await?,
        rows: rows(database).await?,
        conflicts: places(database, "SELECT log_id, partition, \"offset\" FROM conflicts").await?,
        dead_letters: places(database, "SELECT log_id, partition, \"offset\" FROM dead_letters").await?,
        without_bytes: without_bytes(database).await?,
        topic_counts: topic_counts(database).await?,
        ends: topic.ends().await?,
        records: topic.records().await?,
        committed: topic.committed(&group).await?,
        ..GroundTruth::default()
    })
}

async fn pages(database: &Database) -> Result<Vec<Page>, TestbedError> {
    let rows: Vec<PageRow> = sqlx::query_as(
        "SELECT log_id, partition, first_offset, next_offset, consumed, stored, duplicates,
                conflicts, dead_letters, skipped, redelivered
           FROM progress
          ORDER BY log_id, partition",
    )
    .fetch_all(database.pool())
    .await?;
    let page = |row: PageRow| Page {
        log_id: row.0,
        partition: row.1,
        first_offset: row.2,
        next_offset: row.3,
        consumed: row.4,
        counts: Counts { stored: row.5, duplicates: row.6, conflicts: row.7, dead_letters: row.8 },
        skipped: row.9,
        redelivered: row.10,
    };
    Ok(rows.into_iter().map(page).collect())
}

async fn without_bytes(database: &Database) -> Result<i64, TestbedError> {
    let without = "SELECT count(*) FROM dead_letters WHERE value IS NULL AND reason LIKE '%kept without its bytes%'";
    Ok(sqlx::query_scalar(without).fetch_one(database.pool()).await?)
}

async fn rows(database: &Database) -> Result<Vec<RowOf>, TestbedError> {
    let rows: Vec<(i32, i32, i64, String, String, Value)> = sqlx::query_as(
        "SELECT log_id, partition, \"offset\", topic, event_id, payload
           FROM events
          ORDER BY log_id, partition, \"offset\"",
    )
    .fetch_all(database.pool())
    .await?;
    let row = |(log_id, partition, offset, topic, event_id, payload)| RowOf {
        place: PlaceOf { log_id, partition, offset },
        key: Key { topic, event_id },
        payload,
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn places(database: &Database, sql: &'static str) -> Result<Vec<PlaceOf>, TestbedError> {
    let rows: Vec<(i32, i32, i64)> = sqlx::query_as(sql).fetch_all(database.pool()).await?;
    Ok(rows.into_iter().map(|(log_id, partition, offset)| PlaceOf { log_id, partition, offset }).collect())
}

async fn topic_counts(database: &Database) -> Result<BTreeMap<(i32, i32), Counts>, TestbedError> {
    let rows: Vec<(i32, i32, i64, i64, i64)> = sqlx::query_as(
        "SELECT log_id, partition, sum(stored)::int8, sum(duplicates)::int8, sum(conflicts)::int8
           FROM topic_counts
          GROUP BY log_id, partition",
    )
    .fetch_all(database.pool())
    .await?;
    let counts = |(log_id, partition, stored, duplicates, conflicts)| {
        ((log_id, partition), Counts { stored, duplicates, conflicts, dead_letters: 0 })
    };
    Ok(rows.into_iter().map(counts).collect())
}
