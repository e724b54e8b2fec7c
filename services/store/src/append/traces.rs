//! What a record below the fence must have left: dropping by position is never blind.
//!
//! | at its position lies | it is the record's if | else |
//! | --- | --- | --- |
//! | an event, or a conflict | it bears the record's key, or the record is no event any more | another log |
//! | a dead letter | it has the record's value, or is kept without its bytes | another log |
//! | nothing | its key has a row: it was a repeat, or was published again | no trace |
//!
//! What has left no trace was deleted, or is of another log. Where the log is vouched for, it was deleted.
//! A record that is no event never shows another log by leaving none: under other rules it may have been a
//! repeat, and dead letters are cleaned up.

use event::Event;
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::error::AppendError;
use crate::batch::{Batch, Entry, NO_VALUE, What};
use crate::deadline::answer;
use crate::logs::LogId;
use crate::planted;

/// One record that was counted before.
struct Redelivered<'a> {
    partition: i32,
    entry: &'a Entry,
    is_vouched_for: bool,
}

/// What was found of a record that is not known by its key.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// At its position lies what another record has left.
    Another,
    /// A dead letter lies there, with this value.
    DeadLetter(Vec<u8>),
    /// One of a record that had no value.
    WithoutValue,
    /// One that is kept without its bytes.
    WithoutBytes,
}

/// Every record of the batch that lies below its fence is one that was stored.
pub(super) async fn verify_redelivered(connection: &mut PgConnection, batch: &Batch) -> Result<(), AppendError> {
    let slices = batch.slices.iter().flat_map(|slice| {
        let below = &slice.entries[..slice.redelivered()];
        below.iter().map(|entry| Redelivered {
            partition: slice.partition,
            entry,
            is_vouched_for: entry.offset < slice.vouched_below,
        })
    });
    let redelivered: Vec<Redelivered<'_>> = slices.collect();
    if redelivered.is_empty() {
        return Ok(());
    }
    let rows = doubtful(connection, batch.log_id, &redelivered).await.map_err(AppendError::before_commit)?;
    for row in &rows {
        let (nth, found) = found(row).map_err(AppendError::before_commit)?;
        let Some(one) = redelivered.get(nth) else { continue };
        if !one.is_the_one_stored(&found) {
            return Err(AppendError::AnotherLog { partition: one.partition, offset: one.entry.offset });
        }
    }
    Ok(())
}

impl Redelivered<'_> {
    fn is_the_one_stored(&self, found: &Found) -> bool {
        match found {
            Found::Nothing if planted::missing_trace_is_another_log() => false,
            Found::Nothing => self.is_vouched_for || self.entry.what.event().is_none(),
            Found::Another | Found::DeadLetter(_) | Found::WithoutValue if planted::trace_is_by_position() => true,
            Found::Another => false,
            Found::WithoutBytes => true,
            // An event has a value.
            Found::WithoutValue => matches!(&self.entry.what, What::DeadLetter(dead) if dead.raw.value.is_none()),
            Found::DeadLetter(value) => match &self.entry.what {
                What::DeadLetter(dead) => dead.raw.value.as_ref() == Some(value),
                // Rules may let it be an event now; else it was refused by the database.
                What::Event(event) => Event::parse(value).is_ok_and(|kept| kept == *event),
            },
        }
    }
}

/// Those whose key alone does not tell that they are there.
async fn doubtful(
    connection: &mut PgConnection,
    log_id: LogId,
    redelivered: &[Redelivered<'_>],
) -> Result<Vec<PgRow>, sqlx::Error> {
    let events = || redelivered.iter().map(|one| one.entry.what.event());
    // Indexes: the positions of events; the primary keys of conflicts, dead_letters and events. LATERAL and
    // LIMIT keep each a look-up per record, and what is found at the position spares the rest.
    let query = sqlx::query(
        r#"SELECT r.nth, coalesce(e.same, c.same), d.is_there, d.value, d.had_none
             FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[])
                  WITH ORDINALITY AS r(partition, "offset", topic, event_id, nth)
             LEFT JOIN LATERAL (
                    SELECT coalesce((topic, event_id) = (r.topic, r.event_id), true) AS same
                      FROM events
                     WHERE log_id = $1 AND partition = r.partition AND "offset" = r."offset"
                     LIMIT 1) AS e ON true
             LEFT JOIN LATERAL (
                    SELECT coalesce((topic, event_id) = (r.topic, r.event_id), true) AS same
                      FROM conflicts
                     WHERE e.same IS NULL
                       AND log_id = $1 AND partition = r.partition AND "offset" = r."offset"
                     LIMIT 1) AS c ON true
             LEFT JOIN LATERAL (
                    SELECT true AS is_there, value, reason = $6 AS had_none
                      FROM dead_letters
                     WHERE coalesce(e.same, c.same) IS NULL
                       AND log_id = $1 AND partition = r.partition AND "offset" = r."offset"
                     LIMIT 1) AS d ON true
             LEFT JOIN LATERAL (
                    SELECT true AS is_there
                      FROM events
                     WHERE coalesce(e.same, c.same, d.is_there) IS NULL
                       AND topic = r.topic AND event_id = r.event_id
                     LIMIT 1) AS k ON true
            WHERE NOT coalesce(e.same, c.same, k.is_there, false)"#,
    )
    .bind(log_id)
    .bind(redelivered.iter().map(|one| one.partition).collect::<Vec<_>>())
    .bind(redelivered.iter().map(|one| one.entry.offset).collect::<Vec<_>>())
    .bind(events().map(|event| event.map(|event| event.topic.as_str())).collect::<Vec<_>>())
    .bind(events().map(|event| event.map(|event| event.event_id.as_str())).collect::<Vec<_>>())
    .bind(NO_VALUE)
    .fetch_all(connection);
    answer(query).await
}

fn found(row: &PgRow) -> Result<(usize, Found), sqlx::Error> {
    let nth: i64 = row.try_get(0)?;
    let found = match (row.try_get(1)?, row.try_get(2)?) {
        (Some(false), _) => Found::Another,
        (_, Some(true)) => match (row.try_get(3)?, row.try_get(4)?) {
            (Some(value), _) => Found::DeadLetter(value),
            (None, true) => Found::WithoutValue,
            (None, false) => Found::WithoutBytes,
        },
        (None::<bool> | Some(true), None::<bool> | Some(false)) => Found::Nothing,
    };
    Ok((nth as usize - 1, found))
}
