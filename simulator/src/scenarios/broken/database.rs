//! What is done to the database.

use std::time::Duration;

use fake::rand::RngExt;

use super::{consumer, flow, flow_around, paced};
use crate::plan::{Act, Break, DatabaseFault, Draft, Fault, Link};
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
    draft.strike_at(share, Fault::Link(Link::ConsumersToDatabase, Break::Flow(how)));
    draft.then(Fault::Link(Link::ApiToDatabase, Break::Flow(how)));
    let lasts = draft.millis(3_000, 6_000);
    draft.strike_after(lasts, Fault::Link(Link::ConsumersToDatabase, Break::Mend));
    draft.then(Fault::Link(Link::ApiToDatabase, Break::Mend));
}

/// Outsiders lock rows in the wrong order, and keep them for longer than a lock is
/// waited for.
pub(in crate::scenarios) fn deadlock(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let share = draft.share(0.0, 0.2);
    draft.strike_at(share, database(DatabaseFault::Deadlock));
    for _ in 0..2 {
        let pause = draft.millis(0, 300);
        draft.strike_after(pause, database(DatabaseFault::Deadlock));
    }
    draft.then(database(DatabaseFault::Lock));
    let lasts = draft.millis(5_200, 6_500);
    draft.strike_after(lasts, database(DatabaseFault::Unlock));
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
    draft.strike_at(share, database(breaks));
    let lasts = draft.millis(2_000, 4_000);
    draft.strike_after(lasts, Fault::Compare);
    draft.then(database(mends));
}

/// An older copy of the database comes back while everything runs, or while nothing
/// is published.
pub(in crate::scenarios) fn database_restored(draft: &mut Draft, size: Size) {
    let share = draft.share(0.2, 0.6);
    flow_around(draft, size, share, |draft| draft.strike_before_phase(database(DatabaseFault::Copy)));
    if draft.maker().rng().random() {
        draft.strike_at(1.0, Fault::Settle);
        draft.then(database(DatabaseFault::Restore));
    } else {
        let while_events_flow = share + draft.share(0.05, 0.3);
        draft.strike_at(while_events_flow, database(DatabaseFault::Restore));
    }
}

/// Events are deleted on purpose; whoever publishes them again publishes new ones.
pub(in crate::scenarios) fn pruned_meanwhile(draft: &mut Draft, size: Size) {
    draft.concurrency(super::PUBLISHERS);
    let third = size.events.div_ceil(3);
    let events = draft.events(third);
    paced(draft, &events, Duration::from_secs(1));
    draft.next_phase();
    draft.strike_before_phase(Fault::Settle);
    draft.strike_before_phase(database(DatabaseFault::Prune));
    paced(draft, &events, Duration::from_secs(1));
    let others = draft.events(third);
    paced(draft, &others, Duration::from_secs(1));
    let restart = draft.maker().rng().random_bool(0.3);
    if restart {
        draft.then(consumer(0, Act::Stop));
        draft.then(consumer(0, Act::Start));
    }
}
