//! Scenarios about events that are sent more than once.

use fake::rand::{RngExt, seq::SliceRandom};

use super::Size;
use crate::plan::{BatchSizes, Draft, EventIndex, sequence_with_repeats};

pub(super) fn steady(draft: &mut Draft, size: Size) {
    draft.concurrency(8);
    let events = with_share_of_repeats(draft, size, 0.3);
    draft.batches(&events, BatchSizes { from: 1, to: 50 });
}

pub(super) fn many_topics(draft: &mut Draft, size: Size) {
    draft.concurrency(8);
    let events = with_share_of_repeats(draft, size, 0.3);
    draft.batches(&events, BatchSizes { from: 1, to: 200 });
}

pub(super) fn retry_storm(draft: &mut Draft, size: Size) {
    draft.concurrency(32);
    let events = draft.events(size.events.div_ceil(3));
    let mut copies: Vec<EventIndex> = events.iter().flat_map(|event| [*event; 3]).collect();
    copies.shuffle(draft.maker().rng());
    draft.batches(&copies, BatchSizes { from: 1, to: 8 });
}

pub(super) fn inner_duplicates(draft: &mut Draft, size: Size) {
    draft.concurrency(4);
    let mut sent = 0;
    while sent < size.events {
        let unique = draft.maker().rng().random_range(1..=10);
        let events = draft.events(unique);
        let mut batch: Vec<EventIndex> = Vec::new();
        for event in events {
            let copies = draft.maker().rng().random_range(1..=4);
            batch.extend(std::iter::repeat_n(event, copies));
        }
        batch.shuffle(draft.maker().rng());
        batch.truncate(size.events - sent);
        sent += batch.len();
        draft.batch(batch);
    }
}

pub(super) fn mixed_batches(draft: &mut Draft, size: Size) {
    draft.concurrency(4);
    let third = size.events.div_ceil(3);
    let mut old = draft.events(third);
    draft.batches(&old, BatchSizes { from: 10, to: 50 });
    draft.next_phase();
    let mut mixed = draft.events(third);
    old.shuffle(draft.maker().rng());
    mixed.append(&mut old);
    mixed.shuffle(draft.maker().rng());
    draft.batches(&mixed, BatchSizes { from: 2, to: 60 });
}

/// New events in order, with repeats at random places after them.
pub(super) fn with_share_of_repeats(draft: &mut Draft, size: Size, share: f64) -> Vec<EventIndex> {
    let repeats = (size.events as f64 * share).round() as usize;
    let order = sequence_with_repeats(size.events, repeats, draft.maker().rng());
    let unique = draft.events(size.events - repeats);
    order.into_iter().map(|event| unique[event]).collect()
}
