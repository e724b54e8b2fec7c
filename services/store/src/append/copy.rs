//! Rows by COPY, in PostgreSQL's binary form: the quickest way in, for rows that are all new.
//!
//! No array is taken apart and no id looked up, rows go into a page many at a time, and PostgreSQL
//! works on the first ones while the last ones are still being written.
//! The form: <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4>

use sqlx::postgres::PgConnection;

use super::row::Candidate;
use crate::logs::LogId;

/// 2000-01-01, which PostgreSQL counts from, in microseconds of Unix time.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const COLUMNS: i16 = 8;
const END: i16 = -1;
/// The first byte of a jsonb on the wire; the text follows.
const JSONB_VERSION: u8 = 1;
/// Bytes per message.
const SEND_FROM: usize = 64 * 1024;

/// Inserts them, and gives the number of rows that went in. An id that is there already violates the
/// primary key, as with INSERT.
pub(super) async fn copy(
    connection: &mut PgConnection,
    log_id: LogId,
    candidates: &[Candidate<'_>],
) -> Result<u64, sqlx::Error> {
    let mut into = connection
        .copy_in_raw(
            r#"COPY events (topic, event_id, timestamp, source, payload, log_id, partition, "offset")
               FROM STDIN (FORMAT binary)"#,
        )
        .await?;
    let mut bytes = Vec::with_capacity(SEND_FROM * 2);
    bytes.extend_from_slice(SIGNATURE);
    bytes.extend_from_slice(&[0; 8]); // no flags, no extension
    for one in candidates {
        push_row(&mut bytes, log_id, one);
        if bytes.len() >= SEND_FROM {
            into.send(bytes.as_slice()).await?;
            bytes.clear();
        }
    }
    bytes.extend_from_slice(&END.to_be_bytes());
    into.send(bytes.as_slice()).await?;
    into.finish().await
}

fn push_row(bytes: &mut Vec<u8>, log_id: LogId, one: &Candidate<'_>) {
    let event = one.event;
    bytes.extend_from_slice(&COLUMNS.to_be_bytes());
    push(bytes, &[], event.topic.as_str().as_bytes());
    push(bytes, &[], event.event_id.as_str().as_bytes());
    push(bytes, &[], &(event.timestamp.as_datetime().timestamp_micros() - EPOCH_MICROS).to_be_bytes());
    push(bytes, &[], event.source.as_str().as_bytes());
    push(bytes, &[JSONB_VERSION], event.payload.as_str().as_bytes());
    push(bytes, &[], &log_id.to_be_bytes());
    push(bytes, &[], &one.partition.to_be_bytes());
    push(bytes, &[], &one.offset.to_be_bytes());
}

fn push(bytes: &mut Vec<u8>, prefix: &[u8], value: &[u8]) {
    // An event has at most 1 MiB.
    bytes.extend_from_slice(&((prefix.len() + value.len()) as i32).to_be_bytes());
    bytes.extend_from_slice(prefix);
    bytes.extend_from_slice(value);
}
