//! Bare connections that insert the same rows, and do nothing else: what PostgreSQL can take.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::kafka::Row;
use super::rig::Database;

/// Rows in a statement, as in the product's transactions.
const BATCH: usize = 5_000;

/// Rows per second that so many connections insert, each a share of the partitions.
pub(super) async fn insert_rate(database: &Database, rows: &Arc<Vec<Row>>, connections: i32) -> Result<f64> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(PgConnection::connect(&database.url).await?);
    }
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (share, mut connection) in (0..).zip(open) {
        let rows = rows.clone();
        tasks.spawn(async move {
            let mut own = rows.iter().filter(|row| row.partition % connections == share);
            loop {
                let batch: Vec<&Row> = own.by_ref().take(BATCH).collect();
                if batch.is_empty() {
                    return Ok::<(), sqlx::Error>(());
                }
                insert(&mut connection, &batch).await?;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(rows.len() as f64 / begun.elapsed().as_secs_f64())
}

async fn insert(connection: &mut PgConnection, rows: &[&Row]) -> Result<(), sqlx::Error> {
    sqlx::query(
        r#"INSERT INTO events (topic, event_id, timestamp, source, payload, log_id, partition, "offset")
           SELECT r.topic, r.event_id, r.timestamp, r.source, r.payload::jsonb, 1, r.partition, r."offset"
             FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::int[], $7::bigint[])
                  AS r(topic, event_id, timestamp, source, payload, partition, "offset")
           ON CONFLICT DO NOTHING"#,
    )
    .bind(rows.iter().map(|row| row.topic.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.event_id.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.timestamp).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.source.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.payload.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.partition).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.offset).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
