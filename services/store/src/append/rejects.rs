//! Rejected records: conflicts and dead letters, keyed by their position in the log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use event::Event;
use sqlx::postgres::PgConnection;

use super::error::{AppendError, all_went_in};
use crate::batch::{Batch, DeadLetter, Raw, What};
use crate::deadline::answer;
use crate::dedup::Outcome;
use crate::logs::LogId;

/// PostgreSQL closes the connection without a word when a statement has 1 GiB.
const STATEMENT_AT_MOST: usize = 1_000_000_000;

/// One rejected record.
struct Reject<'a, T> {
    partition: i32,
    offset: i64,
    what: &'a T,
}

/// Writes what the outcomes say was a conflict or a dead letter, each kind in one statement.
pub(super) async fn insert_rejects(
    connection: &mut PgConnection,
    batch: &Batch,
    outcomes: &[Outcome],
) -> Result<(), AppendError> {
    let (mut conflicts, mut dead_letters) = (Vec::new(), Vec::new());
    for ((partition, _, entry), outcome) in batch.entries().zip(outcomes) {
        let offset = entry.offset;
        match (&entry.what, outcome) {
            (What::Event(what), Outcome::Conflict) => conflicts.push(Reject { partition, offset, what }),
            (What::DeadLetter(what), Outcome::DeadLetter) => {
                dead_letters.push(Reject { partition, offset, what: what.as_ref() });
            }
            _ => {}
        }
    }
    let inserted = insert_conflicts(connection, batch.log_id, &conflicts).await.map_err(AppendError::before_commit)?;
    all_went_in("conflicts", inserted, conflicts.len())?;
    if dead_letters.iter().map(|reject| size(&reject.what.raw)).sum::<usize>() > STATEMENT_AT_MOST {
        let message = "a statement has at most 1 GB".to_owned();
        return Err(AppendError::Refused { code: "54000".to_owned(), message });
    }
    let inserted = insert_dead_letters(connection, batch.log_id, &dead_letters).await;
    all_went_in("dead_letters", inserted.map_err(AppendError::of_dead_letters)?, dead_letters.len())
}

/// Opens a transaction and keeps a dead letter that nothing can be wrong with.
pub(super) async fn probe(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let raw = Raw { key: Some(Vec::new()), value: Some(Vec::new()), headers: vec![(String::new(), None)] };
    let what = DeadLetter { reason: "oncelog probe".to_owned(), raw };
    answer(sqlx::raw_sql("BEGIN").execute(&mut *connection)).await?;
    insert_dead_letters(connection, -1, &[Reject { partition: -1, offset: -1, what: &what }]).await?;
    Ok(())
}

/// What it comes to in a statement, about: header values are written in base64.
fn size(raw: &Raw) -> usize {
    let bytes = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
    let header = |(name, value): &(String, Option<Vec<u8>>)| name.len() + bytes(value).div_ceil(3) * 4;
    bytes(&raw.key) + bytes(&raw.value) + raw.headers.iter().map(header).sum::<usize>()
}

async fn insert_conflicts(
    connection: &mut PgConnection,
    log_id: LogId,
    rejects: &[Reject<'_, Event>],
) -> Result<u64, sqlx::Error> {
    if rejects.is_empty() {
        return Ok(0);
    }
    let query = sqlx::query(
        r#"INSERT INTO conflicts (log_id, partition, "offset", topic, event_id, timestamp, source, payload)
           SELECT $1, r.partition, r."offset", r.topic, r.event_id, r.timestamp, r.source, r.payload::jsonb
             FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
                  AS r(partition, "offset", topic, event_id, timestamp, source, payload)"#,
    )
    .bind(log_id)
    .bind(column(rejects, |reject| reject.partition))
    .bind(column(rejects, |reject| reject.offset))
    .bind(column(rejects, |reject| reject.what.topic.as_str()))
    .bind(column(rejects, |reject| reject.what.event_id.as_str()))
    .bind(column::<_, DateTime<Utc>>(rejects, |reject| reject.what.timestamp.as_datetime()))
    .bind(column(rejects, |reject| reject.what.source.as_str()))
    .bind(column(rejects, |reject| reject.what.payload.as_str()))
    .execute(connection);
    Ok(answer(query).await?.rows_affected())
}

async fn insert_dead_letters(
    connection: &mut PgConnection,
    log_id: LogId,
    rejects: &[Reject<'_, DeadLetter>],
) -> Result<u64, sqlx::Error> {
    if rejects.is_empty() {
        return Ok(0);
    }
    let query = sqlx::query(
        r#"INSERT INTO dead_letters (log_id, partition, "offset", key, value, headers, reason)
           SELECT $1, r.partition, r."offset", r.key, r.value, r.headers, r.reason
             FROM unnest($2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::jsonb[], $7::text[])
                  AS r(partition, "offset", key, value, headers, reason)"#,
    )
    .bind(log_id)
    .bind(column(rejects, |reject| reject.partition))
    .bind(column(rejects, |reject| reject.offset))
    .bind(column(rejects, |reject| reject.what.raw.key.as_deref()))
    .bind(column(rejects, |reject| reject.what.raw.value.as_deref()))
    .bind(column(rejects, |reject| headers(&reject.what.raw)))
    .bind(column(rejects, |reject| reject.what.reason.replace('\0', "\u{fffd}")))
    .execute(connection);
    Ok(answer(query).await?.rows_affected())
}

fn column<'a, T, C>(rejects: &'a [Reject<'a, T>], of: impl Fn(&'a Reject<'a, T>) -> C) -> Vec<C> {
    rejects.iter().map(of).collect()
}

fn headers(raw: &Raw) -> serde_json::Value {
    let pair = |(name, value): &(String, Option<Vec<u8>>)| {
        let value = value.as_ref().map(|value| STANDARD.encode(value));
        serde_json::json!([name.replace('\0', "\u{fffd}"), value])
    };
    raw.headers.iter().map(pair).collect()
}
