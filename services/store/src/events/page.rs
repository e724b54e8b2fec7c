//! Lists of events in pages.
//!
//! One topic is listed oldest first, in the order of the log: `(log, partition, offset)`. All topics
//! are listed newest first. Either way a page takes from each partition what lies next to the
//! cursor there, without a gap, so that the next cursor can say of each partition "up to here".
//!
//! A page ends at its limit, at [`MAX_PAGE_BYTES`], or where its asker has no room for more. Positions are chosen first, on indexes alone;
//! payloads are read for those only.

use futures::TryStreamExt;
use sqlx::Row;
use sqlx::postgres::PgArguments;
use sqlx::query::Query as Statement;

use super::cursor::Cursor;
use super::query::Query;
use super::stored::{KEEP_PLAN, StoredEvent, read};
use crate::error::StoreError;
use crate::pool::{Lent, Store};

/// Where a page ends whatever its limit: the events' text in bytes. One event always fits.
pub(crate) const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Some events of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The events, in the list's order.
    pub events: Vec<StoredEvent>,
    /// Where to go on, if there was more.
    pub next: Option<Cursor>,
    /// Whether there was no room for the first one.
    pub no_room: bool,
}

/// Index: `events_topic_position`, per partition from the cursor on, and `events_position` to come
/// from the chosen positions to the rows, one by one: LATERAL … LIMIT 1 rules out a join that would
/// read the whole table. The size that cuts is the stored one (no payload is
/// unpacked for it); what is sent is measured again on arrival.
const OF_TOPIC: &str = r#"
SELECT topic, event_id, timestamp, source, payload::text, log_id, partition, "offset", stored_at, found
  FROM (SELECT e.*, chosen.found,
               sum(pg_column_size(e.payload)) OVER (
                   ORDER BY chosen.log_id, chosen.partition, chosen."offset"
                   ROWS UNBOUNDED PRECEDING) - pg_column_size(e.payload) AS bytes_before
          FROM (SELECT light.*, count(*) OVER () AS found
                  FROM (SELECT p.log_id, p.partition, next."offset"
                          FROM progress AS p
                          LEFT JOIN unnest($2::int4[], $3::int4[], $4::int8[]) AS shown(log_id, partition, "offset")
                                 ON shown.log_id = p.log_id AND shown.partition = p.partition
                         CROSS JOIN LATERAL (
                                SELECT e."offset"
                                  FROM events AS e
                                 WHERE e.topic = $1 AND e.log_id = p.log_id AND e.partition = p.partition
                                   AND e."offset" > coalesce(shown."offset", -1)
                                 ORDER BY e."offset"
                                 LIMIT $5) AS next
                         ORDER BY p.log_id, p.partition, next."offset"
                         LIMIT $5) AS light) AS chosen
         CROSS JOIN LATERAL (
                SELECT *
                  FROM events
                 WHERE log_id = chosen.log_id AND partition = chosen.partition AND "offset" = chosen."offset"
                 LIMIT 1) AS e) AS page
 WHERE bytes_before < $6
 ORDER BY log_id, partition, "offset""#;

/// Index: `events_position`, per partition backwards from the cursor.
///
/// Partitions are merged by `rank`, the smallest `stored_at` met so far on the way down a partition:
/// it never rises, so the page takes each partition without a gap even where a clock was set back.
const OF_ALL: &str = r#"
SELECT topic, event_id, timestamp, source, payload::text, log_id, partition, "offset", stored_at, found
  FROM (SELECT e.*, chosen.found, chosen.rank,
               sum(pg_column_size(e.payload)) OVER (
                   ORDER BY chosen.rank DESC, chosen.log_id DESC, chosen.partition DESC, chosen."offset" DESC
                   ROWS UNBOUNDED PRECEDING) - pg_column_size(e.payload) AS bytes_before
          FROM (SELECT light.*, count(*) OVER () AS found
                  FROM (SELECT p.log_id, p.partition, next."offset", next.rank
                          FROM progress AS p
                          LEFT JOIN unnest($1::int4[], $2::int4[], $3::int8[]) AS shown(log_id, partition, "offset")
                                 ON shown.log_id = p.log_id AND shown.partition = p.partition
                         CROSS JOIN LATERAL (
                                SELECT below."offset",
                                       min(below.stored_at) OVER (
                                           ORDER BY below."offset" DESC ROWS UNBOUNDED PRECEDING) AS rank
                                  FROM (SELECT e."offset", e.stored_at
                                          FROM events AS e
                                         WHERE e.log_id = p.log_id AND e.partition = p.partition
                                           AND e."offset" < coalesce(shown."offset", 9223372036854775807)
                                         ORDER BY e."offset" DESC
                                         LIMIT $4) AS below) AS next
                         ORDER BY next.rank DESC, p.log_id DESC, p.partition DESC, next."offset" DESC
                         LIMIT $4) AS light) AS chosen
         CROSS JOIN LATERAL (
                SELECT *
                  FROM events
                 WHERE log_id = chosen.log_id AND partition = chosen.partition AND "offset" = chosen."offset"
                 LIMIT 1) AS e) AS page
 WHERE bytes_before < $5
 ORDER BY rank DESC, log_id DESC, partition DESC, "offset" DESC"#;

impl Store {
    /// The next events of a list, at most `limit`, after what `cursor` says was shown. `room` is asked for each
    /// event whether there is room for so many bytes more; the page ends where there is none.
    pub async fn page(
        &self,
        query: Query<'_>,
        cursor: Option<Cursor>,
        limit: u32,
        room: &mut (dyn FnMut(usize) -> bool + Send),
    ) -> Result<Page, StoreError> {
        let shown = cursor.unwrap_or_default();
        let (logs, partitions, offsets) = shown.columns();
        // One more than the page holds says whether there is more.
        let positions = i64::from(limit) + 1;
        let statement = match query {
            Query::Topic(topic) => sqlx::query(OF_TOPIC).persistent(KEEP_PLAN).bind(topic),
            Query::All => sqlx::query(OF_ALL).persistent(KEEP_PLAN),
        };
        let statement = statement.bind(logs).bind(partitions).bind(offsets).bind(positions).bind(MAX_PAGE_BYTES as i64);
        self.collect(statement, shown, limit as usize, room).await
    }

    async fn collect(
        &self,
        statement: Statement<'_, sqlx::Postgres, PgArguments>,
        mut shown: Cursor,
        limit: usize,
        room: &mut (dyn FnMut(usize) -> bool + Send),
    ) -> Result<Page, StoreError> {
        let mut connection = self.connection().await?;
        let mut rows = statement.fetch(&mut *connection);
        let (mut events, mut bytes, mut found) = (Vec::new(), 0, 0_usize);
        let mut cut = false;
        while let Some(row) = rows.try_next().await? {
            if events.len() == limit {
                break;
            }
            let event = read(&row)?;
            found = row.try_get::<i64, _>(9)? as usize;
            bytes += event.text_bytes();
            // Payloads that compress well are longer here than where they were measured.
            cut = (bytes > MAX_PAGE_BYTES && !events.is_empty()) || !room(event.text_bytes());
            if cut {
                break;
            }
            shown.show(event.log_id, event.partition, event.offset);
            events.push(event);
        }
        drop(rows);
        if cut {
            // Else the pool would read the rest of the answer before the connection's next use.
            drop(Lent::take(connection));
        }
        let (more, no_room) = (found > events.len(), cut && events.is_empty());
        Ok(Page { events, next: more.then_some(shown), no_room })
    }
}
