//! What happens to consumers.

use std::time::Duration;

use fake::rand::RngExt;

use super::{consumer, flow, moments};
use crate::plan::{Act, Break, Draft, Expect, Fault, Link};
use crate::proxy::{Call, Trap};
use crate::scenarios::Size;

/// Half of the kills at any moment, half after the database's commit and before the
/// group's: while an offset commit is held.
pub(in crate::scenarios) fn consumer_crash(draft: &mut Draft, size: Size) {
    flow(draft, size);
    for (n, share) in moments(draft, 6).into_iter().enumerate() {
        if n % 2 == 0 {
            draft.strike_at(share, Fault::Link(Link::Broker, Break::Lay(Call::OffsetCommit, Trap::Hold)));
            draft.then(Fault::Link(Link::Broker, Break::Sprung));
            draft.then(consumer(0, Act::Kill));
            draft.then(Fault::Link(Link::Broker, Break::Release));
        } else {
            draft.strike_at(share, consumer(0, Act::Kill));
        }
        let pause = draft.millis(0, 200);
        draft.strike_after(pause, consumer(0, Act::Start));
    }
    draft.expect(Expect::Redelivered);
}

/// One stops for longer than its session, another takes over, and the first goes on
/// in the belief that nothing has happened.
pub(in crate::scenarios) fn zombie(draft: &mut Draft, size: Size) {
    draft.setting().consumers = 2;
    flow(draft, size);
    for share in moments(draft, 2) {
        let place = draft.maker().rng().random_range(0..2);
        draft.strike_at(share, consumer(place, Act::Pause));
        let asleep = draft.millis(2_500, 4_500);
        draft.strike_after(asleep, consumer(place, Act::Resume));
    }
    draft.expect(Expect::Redelivered);
}

/// Members join and leave all the time, in order or not.
pub(in crate::scenarios) fn rebalance_storm(draft: &mut Draft, size: Size) {
    const MOST: usize = 4;
    draft.setting().consumers = 2;
    draft.setting().partitions = 6;
    flow(draft, size);
    let mut runs = [true, true, false, false];
    for share in moments(draft, 10) {
        let place = draft.maker().rng().random_range(0..MOST);
        let act = match (runs[place], draft.maker().rng().random_range(0..3)) {
            (false, _) => Act::Start,
            (true, 0) => Act::Kill,
            (true, _) => Act::Stop,
        };
        runs[place] = act == Act::Start;
        draft.strike_at(share, consumer(place, act));
        if !runs.contains(&true) {
            draft.strike_after(Duration::from_millis(100), consumer(0, Act::Start));
            runs[0] = true;
        }
    }
}
