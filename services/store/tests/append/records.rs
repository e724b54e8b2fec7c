//! Records, shortly.

use event::Event;
use store::{Batch, DeadLetter, Entry, LogId, Raw, Slice, What};

/// An event of topic `t`, as the log has it.
pub(crate) fn wire(id: &str, payload: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"topic":"t","event_id":"{id}","source":"s","timestamp":"2025-01-01T00:00:00Z","payload":{payload}}}"#
    );
    json.into_bytes()
}

/// An event of topic `t`.
pub(crate) fn event(id: &str, payload: &str) -> What {
    What::Event(Event::parse(&wire(id, payload)).unwrap())
}

/// What can't be stored, with these bytes.
pub(crate) fn dead_letter_of(value: Option<&[u8]>) -> What {
    let raw = Raw { value: value.map(<[u8]>::to_vec), ..Raw::default() };
    let reason = if raw.value.is_some() { "refused" } else { store::NO_VALUE };
    What::DeadLetter(Box::new(DeadLetter { reason: reason.to_owned(), raw }))
}

pub(crate) fn dead_letter(reason: &str) -> What {
    let raw = Raw {
        key: Some(b"key".to_vec()),
        value: Some(vec![0, 255]),
        headers: vec![("a\0b".to_owned(), Some(vec![0])), ("none".to_owned(), None)],
    };
    What::DeadLetter(Box::new(DeadLetter { reason: reason.to_owned(), raw }))
}

/// Records from offset `from` on, with the fence at `expected`.
pub(crate) fn slice(partition: i32, (from, expected): (i64, i64), whats: Vec<What>) -> Slice {
    let entries: Vec<Entry> = (from..).zip(whats).map(|(offset, what)| Entry { offset, what }).collect();
    let end_offset = entries.last().map_or(expected, |entry| entry.offset + 1).max(expected);
    Slice { partition, expected, end_offset, entries, witness: None, vouched_below: 0 }
}

/// A batch of partition 0 that begins at its fence.
pub(crate) fn batch(log_id: LogId, expected: i64, whats: Vec<What>) -> Batch {
    Batch { log_id, slices: vec![slice(0, (expected, expected), whats)] }
}
