//! Inserting events, and comparing those that added no row with the row that is there.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::copy::copy;
use super::error::{AppendError, all_went_in};
use super::row::Candidate;
use crate::batch::Batch;
use crate::deadline::answer;
use crate::dedup::{Disposition, Outcome};
use crate::insert_mode::{CopyPolicy, InsertMode};
use crate::logs::LogId;
use crate::planted;

/// Answers for every [`Disposition::Insert`] and [`Disposition::Compare`], at their indexes; the rest is filler.
pub(super) async fn insert_and_compare(
    connection: &mut PgConnection,
    batch: &Batch,
    dispositions: &[Disposition],
    insert_mode: &mut InsertMode,
) -> Result<Vec<Outcome>, AppendError> {
    let mut answers = vec![Outcome::Stored; dispositions.len()];
    let (mut to_insert, mut to_compare) = (Vec::new(), Vec::new());
    for ((index, (partition, _, entry)), disposition) in batch.entries().enumerate().zip(dispositions) {
        let list = match disposition {
            Disposition::Insert(_) => &mut to_insert,
            Disposition::Compare(_) => &mut to_compare,
            Disposition::Redelivered | Disposition::DeadLetter | Disposition::Copy { .. } | Disposition::Known => {
                continue;
            }
        };
        if let Some(event) = entry.what.event() {
            list.push(Candidate { index, partition, offset: entry.offset, event });
        }
    }
    if insert_mode.in_key_order {
        // Each id is inserted once, so their order decides nothing but which locks come first.
        to_insert.sort_by(|a, b| (&a.event.topic, &a.event.event_id).cmp(&(&b.event.topic, &b.event.event_id)));
    }
    let refused = insert(connection, batch.log_id, to_insert, &mut insert_mode.copy_policy).await?;
    to_compare.extend(refused);
    for (index, outcome) in compare(connection, &to_compare).await? {
        answers[index] = outcome;
    }
    Ok(answers)
}

/// Inserts and gives back those that added no row.
async fn insert<'a>(
    connection: &mut PgConnection,
    log_id: LogId,
    candidates: Vec<Candidate<'a>>,
    copy_policy: &mut CopyPolicy,
) -> Result<Vec<Candidate<'a>>, AppendError> {
    if candidates.is_empty() {
        return Ok(candidates);
    }
    if copy_policy.allows(candidates.len()) {
        if insert_all(connection, log_id, &candidates).await? {
            copy_policy.observe(0);
            return Ok(Vec::new());
        }
        copy_policy.failed();
    }
    let refused = insert_new(connection, log_id, candidates).await?;
    copy_policy.observe(refused.len());
    Ok(refused)
}

/// Inserts all, or nothing: `false` if an id is there already. See [`crate::insert_mode`].
async fn insert_all(
    connection: &mut PgConnection,
    log_id: LogId,
    candidates: &[Candidate<'_>],
) -> Result<bool, AppendError> {
    let failed = AppendError::before_commit;
    answer(sqlx::raw_sql("SAVEPOINT copy").execute(&mut *connection)).await.map_err(failed)?;
    match answer(copy(connection, log_id, candidates)).await {
        Ok(rows) => all_went_in("events", rows, candidates.len()).map(|()| true),
        Err(error) if is_known_id(&error) => {
            answer(sqlx::raw_sql("ROLLBACK TO SAVEPOINT copy").execute(connection)).await.map_err(failed)?;
            Ok(false)
        }
        Err(error) => Err(AppendError::of_data(error)),
    }
}

/// Of the constraints of `events` only its key may be violated: a position that is there twice is
/// nothing that a record could have brought about.
fn is_known_id(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.constraint() == Some("events_pkey"))
}

/// Inserts what is new, and gives back the rest.
async fn insert_new<'a>(
    connection: &mut PgConnection,
    log_id: LogId,
    candidates: Vec<Candidate<'a>>,
) -> Result<Vec<Candidate<'a>>, AppendError> {
    let topics: Vec<&str> = candidates.iter().map(|a| a.event.topic.as_str()).collect();
    let ids: Vec<&str> = candidates.iter().map(|a| a.event.event_id.as_str()).collect();
    let timestamps: Vec<DateTime<Utc>> = candidates.iter().map(|a| a.event.timestamp.as_datetime()).collect();
    let sources: Vec<&str> = candidates.iter().map(|a| a.event.source.as_str()).collect();
    let payloads: Vec<&str> = candidates.iter().map(|a| a.event.payload.as_str()).collect();
    let partitions: Vec<i32> = candidates.iter().map(|a| a.partition).collect();
    let offsets: Vec<i64> = candidates.iter().map(|a| a.offset).collect();
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
    let rows = answer(query).await.map_err(AppendError::of_data)?;
    let inserted: Result<Vec<(i32, i64)>, sqlx::Error> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect();
    not_inserted(candidates, &inserted.map_err(AppendError::before_commit)?)
}

/// Those that are not among the positions that were inserted. RETURNING follows the order of the
/// input, so the two lists are walked side by side.
fn not_inserted<'a>(
    candidates: Vec<Candidate<'a>>,
    inserted: &[(i32, i64)],
) -> Result<Vec<Candidate<'a>>, AppendError> {
    let mut inserted = inserted.iter().peekable();
    let mut refused = Vec::new();
    for one in candidates {
        if inserted.next_if_eq(&&(one.partition, one.offset)).is_none() {
            refused.push(one);
        }
    }
    match inserted.next() {
        None => Ok(refused),
        Some(position) => {
            let text = format!("row {position:?} was returned out of order");
            Err(AppendError::Inconsistent(text))
        }
    }
}

/// Compares with the row that is there: the first of its id has won, in this transaction or before.
async fn compare(
    connection: &mut PgConnection,
    candidates: &[Candidate<'_>],
) -> Result<HashMap<usize, Outcome>, AppendError> {
    if candidates.is_empty() {
        return Ok(HashMap::new());
    }
    let topics: Vec<&str> = candidates.iter().map(|a| a.event.topic.as_str()).collect();
    let ids: Vec<&str> = candidates.iter().map(|a| a.event.event_id.as_str()).collect();
    let payloads: Vec<&str> = candidates.iter().map(|a| a.event.payload.as_str()).collect();
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
    let rows = answer(query).await.map_err(AppendError::of_data)?;
    if rows.len() != candidates.len() {
        return Err(AppendError::Again(
            "the row of a repeat is not there: pruned in between, or left out by a trigger".to_owned(),
        ));
    }
    rows.iter()
        .map(|row| {
            let (nth, same): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
            let same = same || planted::payloads_are_not_compared();
            let outcome = if same { Outcome::Duplicate } else { Outcome::Conflict };
            Ok((candidates[nth as usize - 1].index, outcome))
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
