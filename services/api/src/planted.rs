//! What planted bugs do in this crate, all of it. Each place that can be broken has one line, and
//! without the feature `planted` it does nothing.

use broker::Watermarks;
use planted::{Bug, on};

/// [`Bug::SuspicionKeptBack`]: nobody is told of a position that can't be. [`Bug::WitnessNotCompared`] does the same:
/// a suspicion would hide that the witness is not compared.
pub(crate) fn suspicions_are_kept_back() -> bool {
    on(Bug::SuspicionKeptBack) || on(Bug::WitnessNotCompared)
}

/// [`Bug::VerdictByPosition`]: a position is believed also below what was stored before the request.
pub(crate) fn any_position_is_believed() -> bool {
    on(Bug::VerdictByPosition)
}

/// [`Bug::PendingToTheEnd`]: what lies behind an open transaction counts as pending.
pub(crate) fn stable(mark: &Watermarks) -> i64 {
    if on(Bug::PendingToTheEnd) { mark.high } else { mark.stable }
}

/// [`Bug::BrokerCountDecides`]: events go to as many partitions as the broker has.
pub(crate) fn partitions(known: Option<i32>) -> Option<i32> {
    if on(Bug::BrokerCountDecides) { None } else { known }
}

/// [`Bug::NoRoomForSmall`]: large requests may take all of a budget.
pub(crate) fn room_for_small(bytes: usize) -> usize {
    if on(Bug::NoRoomForSmall) { 0 } else { bytes }
}
