//! The log, played again: which outcome each of its records must have.
//!
//! Knows of an event only what it takes to find its key and payload; what is not an
//! event by the rules is so plainly wrong in a plan that this is enough.

use std::collections::HashMap;

use serde_json::Value;

use super::ground_truth::{Counts, GroundTruth, Key, LogRecord, PlaceOf, RowOf};
use super::json::same_json;

/// What the replay found.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// Outcomes per partition of the newest incarnation.
    pub(super) counts: HashMap<i32, Counts>,
    /// Rows that are missing, made by another record, or different.
    pub(super) wrong: Vec<String>,
    /// The key of each record that is an event, by partition and offset.
    pub(super) keys: HashMap<(i32, i64), Key>,
}

struct Event<'a> {
    record: &'a LogRecord,
    payload: Value,
}

/// Plays the visible log against the rows. Rows of other incarnations, and those whose
/// records are not in the log any more, are taken as they are.
pub(super) fn replay(ground_truth: &GroundTruth) -> Replay {
    let newest = ground_truth.newest().unwrap_or_default();
    let mut found = Replay::default();
    let mut copies: HashMap<Key, Vec<Event<'_>>> = HashMap::new();
    for record in &ground_truth.records {
        match parse(record.value.as_deref()) {
            Some((key, payload)) => {
                found.keys.insert((record.partition, record.offset), key.clone());
                copies.entry(key).or_default().push(Event { record, payload });
            }
            None => found.counts.entry(record.partition).or_default().dead_letters += 1,
        }
    }
    let rows: HashMap<&Key, &RowOf> = ground_truth.rows.iter().map(|row| (&row.key, row)).collect();
    let mut wrong = Vec::new();
    for (key, events) in &copies {
        match rows.get(key) {
            None => wrong.push(format!("{}/{}: in the log, and no row", key.topic, key.event_id)),
            Some(row) => wrong.extend(judge(events, row, newest, &mut found.counts)),
        }
    }
    wrong.extend(ground_truth.rows.iter().filter_map(|row| stranger(ground_truth, row, newest, &found.keys)));
    wrong.sort();
    found.wrong = wrong;
    found
}

/// All copies of one event against its row.
fn judge(events: &[Event<'_>], row: &RowOf, newest: i32, counts: &mut HashMap<i32, Counts>) -> Option<String> {
    let place = |record: &LogRecord| PlaceOf { log_id: newest, partition: record.partition, offset: record.offset };
    let maker = events.iter().find(|event| place(event.record) == row.place);
    let mut wrong = None;
    if let Some(maker) = maker {
        let earlier = events
            .iter()
            .find(|event| event.record.partition == row.place.partition && event.record.offset < row.place.offset);
        if let Some(earlier) = earlier {
            wrong = Some(format!("the row is of {:?}, but a copy lies at {}", row.place, earlier.record.offset));
        } else if !same_json(&maker.payload, &row.payload) {
            wrong = Some("the row bears another payload than its record".to_owned());
        }
    }
    for event in events {
        let counts = counts.entry(event.record.partition).or_default();
        if place(event.record) == row.place {
            counts.stored += 1;
        } else if same_json(&event.payload, &row.payload) {
            counts.duplicates += 1;
        } else {
            counts.conflicts += 1;
        }
    }
    wrong.map(|wrong| format!("{}/{}: {wrong}", row.key.topic, row.key.event_id))
}

/// A row that names a record as its origin which is another event.
fn stranger(ground_truth: &GroundTruth, row: &RowOf, newest: i32, keys: &HashMap<(i32, i64), Key>) -> Option<String> {
    let PlaceOf { log_id, partition, offset } = row.place;
    let ends = ground_truth.ends.iter().find(|ends| ends.partition == partition)?;
    let is_visible = log_id == newest && offset >= ends.low;
    let is_there = keys.get(&(partition, offset)) == Some(&row.key);
    (is_visible && !is_there)
        .then(|| format!("{}/{}: the record at {:?} is not this event", row.key.topic, row.key.event_id, row.place))
}

fn parse(value: Option<&[u8]>) -> Option<(Key, Value)> {
    let event: Value = serde_json::from_slice(value?).ok()?;
    let name = |field: &str| {
        let name = event.get(field)?.as_str()?;
        (!name.trim().is_empty()).then(|| name.to_owned())
    };
    let (topic, event_id, _source) = (name("topic")?, name("event_id")?, name("source")?);
    let begins_with_a_date = |text: &&str| text.starts_with(|first: char| first.is_ascii_digit());
    event.get("timestamp")?.as_str().filter(begins_with_a_date)?;
    let payload = event.get("payload").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    payload.is_object().then_some((Key { topic, event_id }, payload))
}
