//! What is done to the database.

use std::time::Duration;

use fake::rand::RngExt;

use super::{consumer, flow, flow_around, paced};
use crate::plan::{Act, Beside, Break, DatabaseFault, Draft, Expect, Fault, Link, LogFault, Who};
use crate::proxy::Flow;
use crate::scenarios::Size;

fn database(fault: DatabaseFault) -> Fault {
    Fault::Database(fault)
}

/// Every message between services and database takes its time, or for ever.
pub(in crate::scenarios) fn slow_database(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let share = draft.share(0.0, 0.3);
    let delay = draft.millis(20, 80);
    let how = if draft.maker().rng().random_bool(0.7) { Flow::Slowly(delay) } else { Flow::Stalled };
    draft.inject_at(share, Fault::Link(Link::ConsumersToDatabase, Break::Flow(how)));
    draft.then(Fault::Link(Link::ApiToDatabase, Break::Flow(how)));
    let lasts = draft.millis(3_000, 6_000);
    draft.inject_after(lasts, Fault::Link(Link::ConsumersToDatabase, Break::Mend));
    draft.then(Fault::Link(Link::ApiToDatabase, Break::Mend));
}

/// Outsiders lock rows in the wrong order, and keep them for longer than a lock is
/// waited for.
pub(in crate::scenarios) fn deadlock(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let share = draft.share(0.0, 0.2);
    draft.inject_at(share, database(DatabaseFault::Deadlock));
    for _ in 0..2 {
        let pause = draft.millis(0, 300);
        draft.inject_after(pause, database(DatabaseFault::Deadlock));
    }
    draft.then(database(DatabaseFault::Lock));
    let lasts = draft.millis(5_200, 6_500);
    draft.inject_after(lasts, database(DatabaseFault::Unlock));
}

/// Every insert is refused for a while as if the disk were full.
pub(in crate::scenarios) fn disk_full(draft: &mut Draft, size: Size) {
    for_a_while(draft, size, (DatabaseFault::DiskFull, DatabaseFault::DiskFree));
}

/// The services' connections are closed, and they get none or one for a while.
pub(in crate::scenarios) fn connection_limit(draft: &mut Draft, size: Size) {
    let limit = draft.maker().rng().random_range(0..=2);
    for_a_while(draft, size, (DatabaseFault::Connections(limit), DatabaseFault::AnyConnections));
}

fn for_a_while(draft: &mut Draft, size: Size, (breaks, mends): (DatabaseFault, DatabaseFault)) {
    flow(draft, size);
    let share = draft.share(0.05, 0.6);
    draft.inject_at(share, database(breaks));
    let lasts = draft.millis(2_000, 4_000);
    draft.inject_after(lasts, Fault::Compare);
    draft.then(database(mends));
}

/// An older copy of the database comes back while everything runs, or while nothing
/// is published.
pub(in crate::scenarios) fn database_restored(draft: &mut Draft, size: Size) {
    let share = draft.share(0.2, 0.6);
    flow_around(draft, size, share, |draft| draft.inject_before_phase(database(DatabaseFault::Copy)));
    if draft.maker().rng().random() {
        draft.inject_at(1.0, Fault::Settle);
        draft.then(database(DatabaseFault::Restore));
    } else {
        let while_events_flow = share + draft.share(0.05, 0.3);
        draft.inject_at(while_events_flow, database(DatabaseFault::Restore));
    }
}

/// The older copy takes the database's place while events flow, and processes are killed, stopped and started
/// around it: some find members in the group that work with it already, some those that were killed.
pub(in crate::scenarios) fn restore_by_rename(draft: &mut Draft, size: Size) {
    draft.setting().consumers = 2;
    let share = draft.share(0.2, 0.5);
    flow_around(draft, size, share, |draft| draft.inject_before_phase(database(DatabaseFault::Copy)));
    let restored = share + draft.share(0.05, 0.3);
    let killed: Vec<usize> = (0..2).filter(|_| draft.maker().rng().random()).collect();
    let mut faults: Vec<Fault> = killed.iter().map(|place| consumer(*place, Act::Kill)).collect();
    let before = if draft.maker().rng().random() { faults.len() } else { 0 };
    faults.insert(before, database(DatabaseFault::Restore));
    draft.inject_at(restored, Fault::Compare);
    faults.into_iter().for_each(|fault| draft.then(fault));
    for place in killed {
        draft.then(consumer(place, Act::Start));
    }
    // One more, who was not there before.
    draft.then(consumer(2, Act::Start));
    let api = draft.maker().rng().random_range(0..3);
    if api > 0 {
        draft.then(Fault::Process(Who::Api, if api == 1 { Act::Stop } else { Act::Kill }));
        draft.then(Fault::Process(Who::Api, Act::Start));
    }
    draft.expect(Expect::ItsCopyKept);
    draft.expect(Expect::Said("another copy of the database has taken its place"));
}

/// A consumer starts on a copy of the database beside the original, as if it were that; and another one with a
/// group of its own, which stores everything a second time.
pub(in crate::scenarios) fn staging_copy(draft: &mut Draft, size: Size) {
    draft.setting().consumers = draft.maker().rng().random_range(1..=2);
    let share = draft.share(0.1, 0.4);
    flow_around(draft, size, share, |draft| draft.inject_before_phase(database(DatabaseFault::Copy)));
    let mut starts = [Beside::Alike, Beside::Apart];
    if draft.maker().rng().random() {
        starts.reverse();
    }
    for start in starts {
        let later = share + draft.share(0.0, 0.4);
        draft.inject_at(later, Fault::Beside(start));
    }
    draft.expect(Expect::RefusedBeside(1));
    draft.expect(Expect::AlikeBeside);
    draft.expect(Expect::ItsCopyKept);
}

/// Events are deleted on purpose; whoever publishes them again publishes new ones.
pub(in crate::scenarios) fn pruned_meanwhile(draft: &mut Draft, size: Size) {
    draft.concurrency(super::PUBLISHERS);
    let third = size.events.div_ceil(3);
    let events = draft.events(third);
    paced(draft, &events, Duration::from_secs(1));
    draft.next_phase();
    draft.inject_before_phase(Fault::Settle);
    draft.inject_before_phase(database(DatabaseFault::Prune));
    paced(draft, &events, Duration::from_secs(1));
    let others = draft.events(third);
    paced(draft, &others, Duration::from_secs(1));
    let restart = draft.maker().rng().random_bool(0.3);
    if restart {
        draft.then(consumer(0, Act::Stop));
        draft.then(consumer(0, Act::Start));
    }
}

/// PostgreSQL refuses all dead letters for a while, and then the longer ones for good: these are kept without
/// their bytes, and no others.
pub(in crate::scenarios) fn dead_letters_refused(draft: &mut Draft, size: Size) {
    /// Of the records that are appended, in turn, so many are longer than the limit.
    const LIMIT: i64 = 50;
    const KINDS: usize = 8;
    const LONG: usize = 2;
    let partitions = draft.setting().partitions as usize;
    let rounds = draft.maker().rng().random_range(1..=2);
    let share = draft.share(0.3, 0.7);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(Fault::Database(DatabaseFault::RefuseDeadLetters { longer_than: -1 }));
        draft.inject_before_phase(Fault::Log(LogFault::Poison(KINDS)));
        let refused_for = draft.millis(1_000, 2_000);
        draft.inject_after(
            refused_for,
            Fault::Database(DatabaseFault::RefuseDeadLetters { longer_than: i64::from(i32::MAX) }),
        );
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(Fault::Database(DatabaseFault::RefuseDeadLetters { longer_than: LIMIT }));
        draft.inject_before_phase(Fault::Log(LogFault::Poison(KINDS * rounds)));
        draft.inject_before_phase(Fault::Settle);
    });
    draft.expect(Expect::DeadLetters((KINDS * (1 + rounds) * partitions) as i64));
    draft.expect(Expect::WithoutBytes((LONG * rounds * partitions) as i64));
}
