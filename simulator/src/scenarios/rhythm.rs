//! Scenarios about when and how fast something is sent.

use std::time::Duration;

use fake::rand::RngExt;

use super::Size;
use super::repeats::with_share_of_repeats;
use crate::plan::{BatchSizes, Draft};

/// Events in one burst, at most.
const BURST: usize = 300;

pub(super) fn burst(draft: &mut Draft, size: Size) {
    draft.concurrency(64);
    let events = with_share_of_repeats(draft, size, 0.4);
    let mut rest = events.as_slice();
    while !rest.is_empty() {
        let length = draft.maker().rng().random_range(BURST / 3..=BURST).min(rest.len());
        let (now, later) = rest.split_at(length);
        for event in now {
            draft.batch(vec![*event]);
        }
        let pause = draft.maker().rng().random_range(50..500);
        draft.later(Duration::from_millis(pause));
        rest = later;
    }
}

pub(super) fn slow_publisher(draft: &mut Draft, size: Size) {
    draft.concurrency(16);
    let events = with_share_of_repeats(draft, size, 0.3);
    let slow = events.len() / 2;
    for batch in events[..slow].chunks(10) {
        let pieces = draft.maker().rng().random_range(2..=12);
        let pause = draft.maker().rng().random_range(50..250);
        draft.trickled(batch.to_vec(), pieces, Duration::from_millis(pause));
    }
    draft.batches(&events[slow..], BatchSizes { from: 1, to: 10 });
}
