//! What is done to the log.

use std::time::Duration;

use fake::rand::RngExt;

use super::{consumer, flow, flow_around, moments};
use crate::plan::{Act, Draft, Expect, Fault, LogFault, Who};
use crate::scenarios::Size;

/// Records that are no events: first, last and in the middle of a batch, one or many.
pub(in crate::scenarios) fn poison(draft: &mut Draft, size: Size) {
    let partitions = i64::from(draft.setting().partitions);
    flow(draft, size);
    let mut planned = 0;
    let mut counts = Vec::new();
    for _ in 0..4 {
        let count = draft.maker().rng().random_range(1..=20);
        counts.push(count);
        planned += count as i64 * partitions;
    }
    let shares = moments(draft, 3);
    draft.strike_at(shares[0], Fault::Log(LogFault::Poison(counts[0])));
    // What piles up meanwhile is one batch: it begins and ends with poison.
    draft.strike_at(shares[1], consumer(0, Act::Stop));
    draft.then(Fault::Log(LogFault::Poison(counts[1])));
    draft.strike_at(shares[2], Fault::Log(LogFault::Poison(counts[2])));
    draft.then(consumer(0, Act::Start));
    draft.strike_at(1.0, Fault::Log(LogFault::Poison(counts[3])));
    draft.expect(Expect::DeadLetters(planned));
}

/// Other writers' transactions leave markers, and records that nobody may see.
pub(in crate::scenarios) fn transactional_gaps(draft: &mut Draft, size: Size) {
    flow(draft, size);
    for share in moments(draft, 4) {
        let committed = draft.maker().rng().random();
        let events = draft.maker().rng().random_range(1..=10);
        draft.strike_at(share, Fault::Log(LogFault::Transaction { events, committed }));
    }
    draft.strike_at(1.0, Fault::Log(LogFault::Transaction { events: 1, committed: false }));
    draft.expect(Expect::Skipped);
}

/// The Kafka topic is deleted and created again, and gets longer or shorter than it was.
pub(in crate::scenarios) fn topic_recreated(draft: &mut Draft, size: Size) {
    let share = if draft.maker().rng().random() { draft.share(0.2, 0.4) } else { draft.share(0.6, 0.8) };
    flow_around(draft, size, share, |draft| {
        draft.strike_before_phase(Fault::Settle);
        draft.strike_before_phase(Fault::Log(LogFault::Recreate));
    });
    draft.expect(Expect::Lives(2));
}

/// Retention takes what no consumer has read.
pub(in crate::scenarios) fn trimmed(draft: &mut Draft, size: Size) {
    let share = draft.share(0.4, 0.7);
    flow_around(draft, size, share, |draft| {
        draft.strike_before_phase(Fault::Log(LogFault::Trim));
        draft.strike_before_phase(consumer(0, Act::Start));
    });
    let killed = share * draft.share(0.2, 0.7);
    draft.strike_first(killed, consumer(0, Act::Kill));
    draft.expect(Expect::Skipped);
    draft.expect(Expect::Said("trimmed"));
}

/// The broker comes back with an older, shorter log, of which all was stored.
pub(in crate::scenarios) fn log_cut(draft: &mut Draft, size: Size) {
    let share = draft.share(0.2, 0.4);
    // Less or more than is cut off.
    let more = draft.maker().rng().random_range(size.events / 10..=size.events / 2);
    flow_around(draft, Size { events: size.events - more }, share, |draft| {
        draft.strike_before_phase(Fault::Settle);
        draft.strike_before_phase(Fault::Log(LogFault::Keep));
    });
    draft.next_phase();
    draft.strike_before_phase(Fault::Settle);
    draft.strike_before_phase(Fault::Log(LogFault::Cut));
    let events = draft.events(more);
    super::paced(draft, &events, Duration::from_secs(1));
    draft.expect(Expect::Lives(2));
}

/// Partitions are added, and the change is accepted: copies meet in different ones.
pub(in crate::scenarios) fn many_partitions_later(draft: &mut Draft, size: Size) {
    draft.setting().variables.push(("ONCELOG_ACCEPT_LAYOUT_CHANGE", "true".to_owned()));
    let share = draft.share(0.3, 0.6);
    let more = draft.maker().rng().random_range(1..=4);
    flow_around(draft, size, share, |draft| {
        draft.strike_before_phase(Fault::Log(LogFault::AddPartitions(more)));
        // A process that starts sees them at once; the others come to notice.
        draft.strike_before_phase(Fault::Process(Who::Api, Act::Stop));
        draft.strike_before_phase(Fault::Process(Who::Api, Act::Start));
        if draft.maker().rng().random() {
            draft.strike_before_phase(consumer(0, Act::Kill));
            draft.strike_before_phase(consumer(0, Act::Start));
        }
    });
}
