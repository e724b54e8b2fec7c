//! What happens to broker and database as a whole.

use fake::rand::RngExt;
use serde_json::json;

use super::{PUBLISHERS, flow, paced};
use crate::plan::{Act, Break, Draft, Fault, Link, Who};
use crate::proxy::Flow;
use crate::scenarios::Size;

/// The broker goes down and comes back, killed or told to stop.
pub(in crate::scenarios) fn broker_restart(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let share = draft.share(0.1, 0.8);
    let act = if draft.maker().rng().random() { Act::Kill } else { Act::Stop };
    draft.inject_at(share, Fault::Process(Who::Broker, act));
    draft.then(Fault::Process(Who::Broker, Act::Start));
}

/// Nobody reaches the broker for longer than a record may take: connections are
/// refused, or hang.
pub(in crate::scenarios) fn broker_outage(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let share = draft.share(0.1, 0.8);
    let how = if draft.maker().rng().random() { Flow::Closed } else { Flow::Stalled };
    draft.inject_at(share, Fault::Link(Link::Broker, Break::Flow(how)));
    let away = draft.millis(6_500, 8_500);
    draft.inject_after(away, Fault::Link(Link::Broker, Break::Mend));
}

/// The database is killed, and stays away while publishers go on with large events:
/// more than the consumer may hold.
pub(in crate::scenarios) fn database_outage(draft: &mut Draft, size: Size) {
    const LINE: usize = 100;
    const MIB: usize = 1 << 20;
    // Lines of one letter are packed about a hundred times smaller, so that each answer of the broker, 256 KiB, may
    // unpack to 25 MiB. A debug build had 42 to 65 MiB in 36 runs.
    draft.setting().memory_mib = 96;
    for (name, bytes) in
        [("CONSUMER_QUEUE_BYTES", 2 * MIB), ("CONSUMER_FETCH_BYTES", MIB), ("CONSUMER_BATCH_BYTES", MIB)]
    {
        draft.setting().variables.push((name, bytes.to_string()));
    }
    draft.concurrency(PUBLISHERS);
    let mut events = Vec::new();
    while events.len() < size.events {
        let lines = draft.maker().rng().random_range(50..250);
        let payload = json!({ "lines": vec!["x".repeat(LINE); lines] });
        let topic = draft.maker().pick_topic();
        let event = draft.maker().event_with(topic, "2026-01-05T08:00:00Z", &payload);
        events.push(draft.keep(event));
    }
    paced(draft, &events, super::FLOWS_FOR);
    let from = draft.share(0.05, 0.3);
    draft.inject_at(from, Fault::Process(Who::Database, Act::Kill));
    let away = draft.millis(4_000, 7_000);
    draft.inject_after(away, Fault::Process(Who::Database, Act::Start));
}
