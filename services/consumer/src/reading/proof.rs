//! Whether a log that has an id now is the one that was stored before it had one: shown by the last records
//! that were stored, or by nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use broker::LogClient;
use broker::consume::Record;
use event::Event;
use store::LastStored;

use crate::error::ConsumerError;
use crate::planted;
use crate::policy::{LOOK_AGAIN_AFTER, Proof, Shown, prove};
use crate::reading::witness;

/// What is known of the last records that were stored, by partition.
pub(crate) type LastRecords = Vec<(i32, LastStored)>;

/// What the log shows of them, at one of two looks: one is no proof that it is another. `group` has the right to
/// read.
pub(crate) async fn proof(kept: &LastRecords, broker: &LogClient, group: &str) -> Result<Proof, ConsumerError> {
    let first = look(kept, broker, group).await?;
    if first == Proof::Same {
        return Ok(first);
    }
    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    look(kept, broker, group).await
}

async fn look(kept: &LastRecords, broker: &LogClient, group: &str) -> Result<Proof, ConsumerError> {
    let marks = broker.watermarks().await?;
    let offsets: BTreeMap<i32, Range<i64>> =
        marks.iter().map(|marks| (marks.partition, marks.low..marks.high)).collect();
    let positions = kept.iter().map(|(partition, last)| (*partition, last.offset()));
    let is_there = |(partition, offset): &(i32, i64)| offsets.get(partition).is_some_and(|all| all.contains(offset));
    let positions: Vec<(i32, i64)> = positions.filter(is_there).collect();
    let records = broker.records_at(group, &positions).await?;
    let records: BTreeMap<i32, Record> = records.into_iter().map(|record| (record.partition, record)).collect();
    let shown = kept.iter().map(|(partition, kept)| {
        let low = offsets.get(partition).map_or(0, |offsets| offsets.start);
        Shown { kept: kept.clone(), low, found: records.get(partition).and_then(|record| found(kept, record)) }
    });
    let shown: Vec<Shown> = shown.collect();
    tracing::debug!(?shown, "the last records that were stored, and what lies there");
    Ok(planted::proof(prove(&shown)))
}

/// What would be known of this record in place of the one that was kept; none if it is no event, and an event was
/// kept.
fn found(kept: &LastStored, record: &Record) -> Option<LastStored> {
    match kept {
        LastStored::Witness(_) => Some(LastStored::Witness(witness::of(record))),
        LastStored::Event { .. } => {
            let Event { topic, event_id, .. } = Event::parse(record.value.as_deref()?).ok()?;
            let (topic, event_id) = (topic.as_str().to_owned(), event_id.as_str().to_owned());
            Some(LastStored::Event { offset: record.offset, topic, event_id })
        }
    }
}
