//! What happens to the group's offsets.

use fake::rand::RngExt;

use super::{consumer, flow, flow_in_two_phases};
use crate::plan::{Act, Draft, Expect, Fault, Offsets};
use crate::scenarios::Size;

/// The group is set back to the beginning: everything is read again.
pub(in crate::scenarios) fn rewind(draft: &mut Draft, size: Size) {
    flow_in_two_phases(draft, size, |draft| {
        draft.strike_before_phase(Fault::Settle);
        draft.strike_before_phase(consumer(0, Act::Stop));
        draft.strike_before_phase(Fault::Group(Offsets::Beginning));
        draft.strike_before_phase(consumer(0, Act::Start));
    });
    draft.expect(Expect::Redelivered);
}

/// The group is set beyond what is stored, while the consumer is away.
pub(in crate::scenarios) fn fast_forward(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let killed = draft.share(0.1, 0.4);
    draft.strike_at(killed, consumer(0, Act::Kill));
    draft.strike_at(1.0, Fault::Group(Offsets::End));
    draft.then(consumer(0, Act::Start));
}

/// Offsets are overwritten from outside, per partition at random, ahead and behind.
pub(in crate::scenarios) fn zombie_commit(draft: &mut Draft, size: Size) {
    flow_in_two_phases(draft, size, |draft| {
        draft.strike_before_phase(consumer(0, Act::Kill));
        let percents = (0..4).map(|_| draft.maker().rng().random_range(0..=100)).collect();
        draft.strike_before_phase(Fault::Group(Offsets::Somewhere(percents)));
        draft.strike_before_phase(consumer(0, Act::Start));
    });
}
