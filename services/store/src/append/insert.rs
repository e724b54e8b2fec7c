//! Inserting events, and judging those that added no row.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use event::Event;
use planted::Bug;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::{AppendError, event_of};
use crate::LogId;
use crate::batch::Batch;
use crate::settle::{Outcome, Plan};
use crate::writer::answer;

/// One event that the database must answer for.
struct Asked<'a> {
    index: usize,
    partition: i32,
    offset: i64,
    event: &'a Event,
}

/// Answers for every [`Plan::Insert`] and [`Plan::Judge`], at their indexes; the rest is filler.
pub(super) async fn insert_and_judge(
    connection: &mut PgConnection,
    batch: &Batch,
    plans: &[Plan],
    in_key_order: bool,
) -> Result<Vec<Outcome>, AppendError> {
    let mut answers = vec![Outcome::Stored; plans.len()];
    let (mut to_insert, mut to_judge) = (Vec::new(), Vec::new());
    for ((index, (partition, _, entry)), plan) in batch.entries().enumerate().zip(plans) {
        let list = match plan {
            Plan::Insert(_) => &mut to_insert,
            Plan::Judge(_) => &mut to_judge,
            Plan::Redelivered | Plan::DeadLetter | Plan::Copy { .. } | Plan::Known => continue,
        };
        if let Some(event) = event_of(&entry.what) {
            list.push(Asked { index, partition, offset: entry.offset, event });
        }
    }
    if in_key_order {
        // Plans insert each id once, so their order decides nothing but which locks come first.
        to_insert.sort_by(|a, b| (&a.event.topic, &a.event.event_id).cmp(&(&b.event.topic, &b.event.event_id)));
    }
    let refused = insert(connection, batch.log_id, to_insert).await?;
    to_judge.extend(refused);
    for (index, outcome) in judge(connection, &to_judge).await? {
        answers[index] = outcome;
    }
    Ok(answers)
}

/// Inserts and gives back those that added no row.
async fn insert<'a>(
    connection: &mut PgConnection,
    log_id: LogId,
    asked: Vec<Asked<'a>>,
) -> Result<Vec<Asked<'a>>, AppendError> {
    if asked.is_empty() {
        return Ok(asked);
    }
    let topics: Vec<&str> = asked.iter().map(|a| a.event.topic.as_str()).collect();
    let ids: Vec<&str> = asked.iter().map(|a| a.event.event_id.as_str()).collect();
    let timestamps: Vec<DateTime<Utc>> = asked.iter().map(|a| a.event.timestamp.as_datetime()).collect();
    let sources: Vec<&str> = asked.iter().map(|a| a.event.source.as_str()).collect();
    let payloads: Vec<&str> = asked.iter().map(|a| a.event.payload.as_str()).collect();
    let partitions: Vec<i32> = asked.iter().map(|a| a.partition).collect();
    let offsets: Vec<i64> = asked.iter().map(|a| a.offset).collect();
    let query = sqlx::query(
        r#"INSERT INTO events (topic, event_id, timestamp, source, payload, log_id, partition, "offset")
           SELECT r.topic, r.event_id, r.timestamp, r.source, r.payload::jsonb, $1, r.partition, r."offset"
             FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::int[], $8::bigint[])
                  AS r(topic, event_id, timestamp, source, payload, partition, "offset")
           ON CONFLICT (topic, event_id) DO NOTHING
           RETURNING partition, "offset""#,
    )
    .bind(log_id)
    .bind(&topics)
    .bind(&ids)
    .bind(&timestamps)
    .bind(&sources)
    .bind(&payloads)
    .bind(&partitions)
    .bind(&offsets)
    .fetch_all(connection);
    let rows = answer(query).await.map_err(AppendError::before_commit)?;
    if rows.len() == asked.len() {
        return Ok(Vec::new());
    }
    // RETURNING follows the order of the input, so the two lists are walked side by side.
    let mut stored = rows.iter().map(|row| Ok((row.try_get::<i32, _>(0)?, row.try_get::<i64, _>(1)?))).peekable();
    let mut refused = Vec::with_capacity(asked.len() - rows.len());
    for one in asked {
        match stored.peek() {
            Some(Ok(position)) if *position == (one.partition, one.offset) => {
                stored.next();
            }
            _ => refused.push(one),
        }
    }
    match stored.next() {
        None => Ok(refused),
        Some(Err(error)) => Err(AppendError::before_commit(error)),
        Some(Ok(position)) => {
            Err(AppendError::Environment(sqlx::Error::Protocol(format!("row {position:?} was returned out of order"))))
        }
    }
}

/// Compares with the row that is there: the first of its id has won, in this transaction or before.
async fn judge(connection: &mut PgConnection, asked: &[Asked<'_>]) -> Result<HashMap<usize, Outcome>, AppendError> {
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let topics: Vec<&str> = asked.iter().map(|a| a.event.topic.as_str()).collect();
    let ids: Vec<&str> = asked.iter().map(|a| a.event.event_id.as_str()).collect();
    let payloads: Vec<&str> = asked.iter().map(|a| a.event.payload.as_str()).collect();
    // Index: primary key of events; LATERAL keeps it a look-up per record, whatever the table's size.
    let query = sqlx::query(
        "SELECT r.nth, found.same
           FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS r(topic, event_id, payload, nth)
          CROSS JOIN LATERAL (SELECT e.payload = r.payload::jsonb AS same
                                FROM events e
                               WHERE e.topic = r.topic AND e.event_id = r.event_id
                               LIMIT 1) AS found",
    )
    .bind(&topics)
    .bind(&ids)
    .bind(&payloads)
    .fetch_all(connection);
    let rows = answer(query).await.map_err(AppendError::before_commit)?;
    if rows.len() != asked.len() {
        return Err(AppendError::Again("a row was pruned while its repeat was judged".to_owned()));
    }
    rows.iter()
        .map(|row| {
            let (nth, same): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
            let same = same || planted::on(Bug::ConflictAsDuplicate);
            let outcome = if same { Outcome::Duplicate } else { Outcome::Conflict };
            Ok((asked[nth as usize - 1].index, outcome))
        })
        .collect::<Result<_, sqlx::Error>>()
        .map_err(AppendError::before_commit)
}

/// Opens a transaction and inserts a row that nothing can be wrong with.
pub(super) async fn probe(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    answer(sqlx::raw_sql("BEGIN").execute(&mut *connection)).await?;
    let query = sqlx::query(
        r#"INSERT INTO events (topic, event_id, timestamp, source, payload, log_id, partition, "offset")
           VALUES ('oncelog probe', gen_random_uuid()::text, now(), 'oncelog', '{}', -1, -1, -1)"#,
    )
    .execute(connection);
    answer(query).await?;
    Ok(())
}
