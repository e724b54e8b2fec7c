//! Scenarios about what the events say.

use fake::rand::{RngExt, seq::SliceRandom};
use serde_json::{Value, json};

use super::Size;
use super::repeats::with_share_of_repeats;
use crate::plan::{BatchSizes, Draft, EventIndex};

/// Size of a large event, safely below the limit of 1 MiB with its other fields.
const LARGE: usize = 900 * 1024;

/// One large event in this many.
const LARGE_EVERY: usize = 5_000;

pub(super) fn conflicts(draft: &mut Draft, size: Size) {
    draft.concurrency(8);
    let first = draft.events(size.events / 3);
    let mut copies: Vec<EventIndex> = first.clone();
    for event in first {
        let other = match draft.maker().rng().random_range(0..3) {
            0 => event,
            1 => draft.restatement(event),
            _ => draft.contradiction(event),
        };
        copies.extend([other, if draft.maker().rng().random() { event } else { other }]);
    }
    copies.shuffle(draft.maker().rng());
    draft.batches(&copies, BatchSizes { from: 1, to: 20 });
}

pub(super) fn late_and_old(draft: &mut Draft, size: Size) {
    const FIXED: &[&str] = &[
        "0001-01-01T00:00:00Z",
        "1582-10-10T12:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "2000-02-29T23:59:59Z",
        "2025-10-24T15:12:30",
        "2025-10-24T15:12:30.5",
        "2025-10-24T15:12:30+07:00",
        "2025-10-24T15:12:30.123456-11:30",
        "2038-01-19T03:14:08Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    draft.concurrency(4);
    let mut events: Vec<EventIndex> = Vec::new();
    while events.len() < size.events {
        let rng = draft.maker().rng();
        let timestamp = match FIXED.get(events.len()) {
            Some(timestamp) => (*timestamp).to_owned(),
            None => random_timestamp(rng),
        };
        let topic = draft.maker().pick_topic();
        let event = draft.maker().event_at(topic, &timestamp);
        events.push(draft.keep(event));
    }
    events.shuffle(draft.maker().rng());
    draft.batches(&events, BatchSizes { from: 1, to: 30 });
}

/// Any moment of any century, in any zone.
fn random_timestamp<R: fake::rand::Rng + ?Sized>(rng: &mut R) -> String {
    let year = rng.random_range(2..=9_998);
    let (month, day) = (rng.random_range(1..=12), rng.random_range(1..=28));
    let (hour, minute, second) = (rng.random_range(0..24), rng.random_range(0..60), rng.random_range(0..60));
    let zone = match rng.random_range(-12..=14) {
        0 => "Z".to_owned(),
        hours => format!("{hours:+03}:00"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
}

pub(super) fn big_batches(draft: &mut Draft, size: Size) {
    draft.concurrency(3);
    let large = size.events / LARGE_EVERY;
    let small = with_share_of_repeats(draft, Size { events: size.events - 2 * large }, 0.2);
    draft.batches(&small, BatchSizes { from: 1_000, to: 10_000 });
    for _ in 0..large {
        let event = draft.maker().event_with(0, "2026-01-05T08:00:00Z", &large_payload());
        let event = draft.keep(event);
        draft.batch(vec![event]);
        draft.batch(vec![event]);
    }
}

/// Many small members rather than one long string, so that it is costly to parse.
fn large_payload() -> Value {
    let line = "x".repeat(90);
    json!({ "lines": vec![line; LARGE / 93] })
}
