//! What happens to the group's offsets.

use fake::rand::RngExt;

use super::{consumer, flow, flow_around, rounds};
use crate::plan::{Act, Break, Draft, Expect, Fault, Link, Offsets};
use crate::proxy::{Call, Trap};
use crate::scenarios::Size;

/// The group is set back to the beginning: everything is read again.
pub(in crate::scenarios) fn rewind(draft: &mut Draft, size: Size) {
    let share = draft.share(0.2, 0.8);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(consumer(0, Act::Stop));
        draft.inject_before_phase(Fault::Group(Offsets::Beginning));
        draft.inject_before_phase(consumer(0, Act::Start));
    });
    draft.expect(Expect::Redelivered);
}

/// The group is set beyond what is stored, while the consumer is away.
pub(in crate::scenarios) fn fast_forward(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let killed = draft.share(0.1, 0.6);
    draft.inject_at(killed, consumer(0, Act::Kill));
    draft.inject_at(1.0, Fault::Group(Offsets::End));
    draft.then(consumer(0, Act::Start));
}

/// An old member's commit arrives when another owns its partitions; then all offsets
/// are overwritten at random, ahead and behind.
pub(in crate::scenarios) fn zombie_commit(draft: &mut Draft, size: Size) {
    draft.setting().consumers = 2;
    rounds(draft, size, 2, |draft, round, moment| {
        if round == 0 {
            let place = draft.maker().rng().random_range(0..2);
            draft.inject_when(moment, Fault::Link(Link::Broker, Break::Lay(Call::OffsetCommit, Trap::Hold)));
            draft.then(Fault::Link(Link::Broker, Break::Sprung));
            draft.then(consumer(place, Act::Pause));
            let asleep = draft.millis(2_500, 3_500);
            draft.inject_after(asleep, Fault::Link(Link::Broker, Break::Release));
            draft.then(consumer(place, Act::Resume));
        } else {
            draft.inject_when(moment, consumer(0, Act::Kill));
            draft.then(consumer(1, Act::Stop));
            let percents = (0..4).map(|_| draft.maker().rng().random_range(0..=100)).collect();
            draft.then(Fault::Group(Offsets::Somewhere(percents)));
            draft.then(consumer(0, Act::Start));
        }
    });
}
