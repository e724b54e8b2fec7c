//! What planted bugs do in this crate, all of it. Each place that can be broken has one line, and
//! without the feature `planted` it does nothing.

use std::fmt::Debug;

use planted::{Bug, Place, on, panic_at};

use crate::append::record::DeliveryOutcome;

/// [`Bug::HalfRequestOn429`]: of a request that there is no room for, the longest half, quarter, eighth … is
/// appended that there is room for, as if the limit were met in the middle of the request.
pub(crate) fn append_a_part<T>(records: &[T], is_refused: bool, append: impl Fn(&[T]) -> bool) {
    if !on(Bug::HalfRequestOn429) || !is_refused {
        return;
    }
    let mut part = &records[..records.len() / 2];
    while !part.is_empty() && !append(part) {
        part = &part[..part.len() / 2];
    }
}

/// [`Bug::AckBeforeReport`]: nobody waits for the delivery reports.
pub(crate) fn outcomes_before_reports(records: usize) -> Option<Vec<DeliveryOutcome>> {
    on(Bug::AckBeforeReport).then(|| vec![DeliveryOutcome::Kept { partition: 0, offset: None }; records])
}

/// [`Bug::AnswersOfAnySize`]: what the broker may answer at once has no bound.
pub(crate) fn answers_are_of_any_size() -> bool {
    on(Bug::AnswersOfAnySize)
}

/// [`Place::LogClient`]: a client panics.
#[track_caller]
pub(crate) fn panic_in_client() {
    panic_at(Place::LogClient, &"a client");
}

/// [`Place::Poll`]: the poll thread panics.
#[track_caller]
pub(crate) fn panic_in_poll(at_hand: &dyn Debug) {
    panic_at(Place::Poll, at_hand);
}

/// [`Place::Report`]: a delivery report panics.
#[track_caller]
pub(crate) fn panic_in_report() {
    panic_at(Place::Report, &"a delivery report");
}
