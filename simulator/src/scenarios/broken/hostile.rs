//! What clients do that mean harm.

use std::time::Duration;

use fake::rand::seq::SliceRandom;
use serde_json::json;

use crate::plan::{Attack, Draft, Fault, Port};
use crate::scenarios::Size;

/// Honest requests under way at once.
const HONEST: usize = 32;
/// Between two of them.
const EVERY: Duration = Duration::from_millis(10);
/// What honest clients read beside publishing.
const READS: [(Port, &str); 4] =
    [(Port::Api, "/events?limit=1"), (Port::Api, "/stats"), (Port::Api, "/health"), (Port::Consumer, "/readyz")];
/// Large events, so that a list can be long: 6 MiB.
const LARGE: usize = 60;
const LARGE_BYTES: usize = 100 * 1024;
/// No service may hold more, whatever is done to it.
const MEMORY_MIB: u64 = 128;

/// One attack after the other, each after a quiet phase; beside them honest clients publish one event at a
/// time, and read.
pub(in crate::scenarios) fn hostile_clients(draft: &mut Draft, size: Size) {
    draft.setting().memory_mib = MEMORY_MIB;
    draft.concurrency(HONEST);
    large_events(draft, LARGE.min(size.events / 2));
    let phases = 2 * Attack::ALL.len();
    let each = size.events.saturating_sub(draft.copies()).div_ceil(phases).max(1);
    let mut attacks = Attack::ALL;
    attacks.shuffle(draft.maker().rng());
    for attack in attacks {
        draft.next_phase();
        draft.inject_before_phase(Fault::CallOff);
        draft.inject_before_phase(Fault::Settle);
        honest(draft, each);
        draft.next_phase();
        draft.inject_before_phase(Fault::Attack(attack));
        honest(draft, each);
    }
    draft.next_phase();
    draft.inject_before_phase(Fault::CallOff);
}

fn large_events(draft: &mut Draft, count: usize) {
    for _ in 0..count {
        let topic = draft.maker().pick_topic();
        let payload = json!({ "text": "x".repeat(LARGE_BYTES) });
        let event = draft.maker().event_with(topic, "2025-10-24T15:12:30Z", &payload);
        let event = draft.keep(event);
        draft.batch(vec![event]);
    }
}

fn honest(draft: &mut Draft, events: usize) {
    for _ in 0..events {
        let event = draft.event();
        draft.batch(vec![event]);
        draft.later(EVERY);
        for (port, path) in READS {
            draft.read(port, path);
            draft.later(EVERY);
        }
    }
}
