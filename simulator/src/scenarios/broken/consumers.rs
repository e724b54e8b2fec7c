//! What happens to api and consumers.

use std::time::Duration;

use fake::rand::RngExt;

use super::{consumer, flow, rounds};
use crate::plan::{Act, Break, Draft, Expect, Fault, Link, Who};
use crate::proxy::{Call, Flow, Trap};
use crate::scenarios::Size;

/// Half of the kills at any moment, half after the database's commit and before the
/// group's: while an offset commit is held.
pub(in crate::scenarios) fn consumer_crash(draft: &mut Draft, size: Size) {
    rounds(draft, size, 4, |draft, round, moment| {
        if round % 2 == 0 {
            draft.inject_when(moment, Fault::Link(Link::Broker, Break::Lay(Call::OffsetCommit, Trap::Hold)));
            draft.then(Fault::Link(Link::Broker, Break::Sprung));
            draft.then(consumer(0, Act::Kill));
            draft.then(Fault::Link(Link::Broker, Break::Release));
        } else {
            draft.inject_when(moment, consumer(0, Act::Kill));
        }
        let pause = draft.millis(0, 200);
        draft.inject_after(pause, consumer(0, Act::Start));
    });
    draft.expect(Expect::Redelivered);
}

/// The api is killed while requests are under way.
pub(in crate::scenarios) fn api_crash(draft: &mut Draft, size: Size) {
    rounds(draft, size, 4, |draft, _, moment| {
        draft.inject_when(moment, Fault::Process(Who::Api, Act::Kill));
        let pause = draft.millis(0, 500);
        draft.inject_after(pause, Fault::Process(Who::Api, Act::Start));
    });
}

/// One stops for longer than its session, another takes over, and the first goes on
/// in the belief that nothing has happened: first after a while, then only when all
/// has been stored without it, whatever locks it went to sleep with.
pub(in crate::scenarios) fn zombie(draft: &mut Draft, size: Size) {
    draft.setting().consumers = 2;
    let place = draft.maker().rng().random_range(0..2);
    rounds(draft, size, 3, |draft, round, moment| match round {
        0 => {
            draft.inject_when(moment, consumer(place, Act::Pause));
            let asleep = draft.millis(2_500, 4_000);
            draft.inject_after(asleep, consumer(place, Act::Resume));
        }
        1 => draft.inject_when(moment, consumer(1 - place, Act::Pause)),
        _ => draft.inject_before_phase(consumer(1 - place, Act::Resume)),
    });
}

/// Members join and leave all the time, in order or not.
pub(in crate::scenarios) fn rebalance_storm(draft: &mut Draft, size: Size) {
    const MOST: usize = 4;
    draft.setting().consumers = 2;
    draft.setting().partitions = 6;
    flow(draft, size);
    let mut runs = [true, true, false, false];
    for _ in 0..8 {
        let place = draft.maker().rng().random_range(0..MOST);
        let act = match (runs[place], draft.maker().rng().random_range(0..3)) {
            (false, _) => Act::Start,
            (true, 0) => Act::Kill,
            (true, _) => Act::Stop,
        };
        runs[place] = act == Act::Start;
        let pause = draft.millis(200, 900);
        draft.inject_after(pause, consumer(place, act));
        if !runs.contains(&true) {
            draft.inject_after(Duration::from_millis(100), consumer(0, Act::Start));
            runs[0] = true;
        }
    }
}

/// SIGTERM to each of the processes while all is full, also with the broker silent.
pub(in crate::scenarios) fn shutdown_under_load(draft: &mut Draft, size: Size) {
    let api = |act| Fault::Process(Who::Api, act);
    rounds(draft, size, 3, |draft, round, moment| match round {
        0 => {
            draft.inject_when(moment, consumer(0, Act::Stop));
            draft.then(consumer(0, Act::Start));
        }
        1 => {
            draft.inject_when(moment, api(Act::Stop));
            draft.then(api(Act::Start));
        }
        _ => {
            draft.inject_when(moment, Fault::Link(Link::Broker, Break::Flow(Flow::Stalled)));
            let pause = draft.millis(0, 500);
            draft.inject_after(pause, consumer(0, Act::Stop));
            draft.then(api(Act::Stop));
            draft.then(Fault::Link(Link::Broker, Break::Mend));
            draft.then(api(Act::Start));
            draft.then(consumer(0, Act::Start));
        }
    });
}
