//! Scenarios in which something breaks, on a stack of their own.
//!
//! To add one: write a `fn(&mut Draft, Size)` that fills the plan with events and
//! injections ([`Draft::inject_at`], [`Draft::then`], [`Draft::inject_before_phase`];
//! every moment and choice from [`Draft::maker`]'s random source), says with
//! [`Draft::expect`] what must be found if the faults have struck, and name it in
//! [`ALL`](super::ALL) with `own: true`. What is broken at the end is healed
//! by the trial. How it is judged is no part of it: the claims are the same for all;
//! what a kind of fault takes away by its nature is in
//! [`Nature`](crate::plan::Nature). A new kind of fault is a variant of
//! [`Fault`], its words in `plan/spoken.rs`, its deed in `testbed/injection.rs`.

pub(super) mod answers;
pub(super) mod consumers;
pub(super) mod database;
pub(super) mod hostile;
pub(super) mod log;
pub(super) mod offsets;
pub(super) mod outages;
pub(super) mod overload;

use std::time::Duration;

use fake::rand::RngExt;

use super::Size;
use super::repeats::with_share_of_repeats;
use crate::plan::{Act, BatchSizes, Draft, EventIndex, Fault, Who};

/// How long a flow takes where nothing holds it up.
const FLOWS_FOR: Duration = Duration::from_secs(4);
const ROUND: Duration = Duration::from_millis(800);
const SIZES: BatchSizes = BatchSizes { from: 1, to: 25 };
const PUBLISHERS: usize = 12;

/// A flow of events, three in ten of them repeats, in small batches by several
/// publishers: something is under way at every moment.
fn flow(draft: &mut Draft, size: Size) {
    draft.concurrency(PUBLISHERS);
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

/// The flow in rounds. In each one something strikes at a moment of the flow, given
/// in copies answered; the next one begins when all is stored.
fn rounds(draft: &mut Draft, size: Size, count: usize, mut inject: impl FnMut(&mut Draft, usize, usize)) {
    draft.concurrency(PUBLISHERS);
    let events = with_share_of_repeats(draft, size, 0.3);
    for (round, events) in events.chunks(events.len().div_ceil(count)).enumerate() {
        let before = draft.copies();
        paced(draft, events, ROUND);
        let moment = before + draft.maker().rng().random_range(0..=events.len() * 8 / 10);
        inject(draft, round, moment);
        draft.next_phase();
        draft.inject_before_phase(Fault::Settle);
    }
}

/// A part of the flow before, and the rest behind what strikes in between.
fn flow_around(draft: &mut Draft, size: Size, share: f64, between: impl FnOnce(&mut Draft)) {
    draft.concurrency(PUBLISHERS);
    let events = with_share_of_repeats(draft, size, 0.3);
    let (now, later) = events.split_at((events.len() as f64 * share) as usize);
    paced(draft, now, FLOWS_FOR / 3);
    draft.next_phase();
    between(draft);
    paced(draft, later, FLOWS_FOR / 3);
}

fn consumer(place: usize, act: Act) -> Fault {
    Fault::Process(Who::Consumer(place), act)
}

/// Shares of the flow at which something happens: `count` of them, in order.
fn moments(draft: &mut Draft, count: usize) -> Vec<f64> {
    let width = 0.9 / count as f64;
    (0..count).map(|n| 0.05 + width * n as f64 + draft.share(0.0, width)).collect()
}
