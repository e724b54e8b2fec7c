//! Scenarios in which something breaks, on a stack of their own.
//!
//! To add one: write a `fn(&mut Draft, Size)` that fills the plan with events and
//! strikes ([`Draft::strike_at`], [`Draft::then`], [`Draft::strike_before_phase`];
//! every moment and choice from [`Draft::maker`]'s random source), says with
//! [`Draft::expect`] what must be found if the faults have struck, and name it in
//! [`ALL`](super::ALL) with `own: true`. What is broken at the end is healed
//! by the trial. How it is judged is no part of it: the claims are the same for all;
//! what a kind of fault takes away by its nature is in
//! [`Nature`](crate::plan::Nature). A new kind of fault is a variant of
//! [`Fault`](crate::plan::Fault), its words in `plan/spoken.rs`, its deed in
//! `lab/strike.rs`.

pub(super) mod consumers;
pub(super) mod offsets;
pub(super) mod outages;

use std::time::Duration;

use fake::rand::RngExt;

use super::Size;
use super::repeats::with_share_of_repeats;
use crate::plan::{Act, BatchSizes, Draft, EventIndex, Fault, Who};

/// How long a flow takes where nothing holds it up.
const FLOWS_FOR: Duration = Duration::from_secs(4);
const SIZES: BatchSizes = BatchSizes { from: 1, to: 25 };

/// A flow of events, three in ten of them repeats, in small batches by several
/// publishers: something is under way at every moment.
fn flow(draft: &mut Draft, size: Size) {
    draft.concurrency(12);
    let events = with_share_of_repeats(draft, size, 0.3);
    paced(draft, &events, FLOWS_FOR);
}

/// Requests at random intervals.
fn paced(draft: &mut Draft, events: &[EventIndex], within: Duration) {
    let each = within.as_micros() as u64 / events.len().max(1) as u64;
    let mut rest = events;
    while !rest.is_empty() {
        let size = draft.maker().rng().random_range(SIZES.from..=SIZES.to).min(rest.len());
        let (now, later) = rest.split_at(size);
        draft.batch(now.to_vec());
        let pause = draft.maker().rng().random_range(0..=2 * each * size as u64);
        draft.later(Duration::from_micros(pause));
        rest = later;
    }
}

/// Half of the flow in this phase and half in the next; `between` strikes in between.
fn flow_in_two_phases(draft: &mut Draft, size: Size, between: impl FnOnce(&mut Draft)) {
    draft.concurrency(12);
    let events = with_share_of_repeats(draft, size, 0.3);
    let (now, later) = events.split_at(events.len() / 2);
    paced(draft, now, FLOWS_FOR / 2);
    draft.next_phase();
    between(draft);
    paced(draft, later, FLOWS_FOR / 2);
}

fn consumer(place: usize, act: Act) -> Fault {
    Fault::Process(Who::Consumer(place), act)
}

/// Shares of the flow at which something happens: `count` of them, in order.
fn moments(draft: &mut Draft, count: usize) -> Vec<f64> {
    let width = 0.9 / count as f64;
    (0..count).map(|n| 0.05 + width * n as f64 + draft.share(0.0, width)).collect()
}
