//! The requests whose records are under way, and the reports that have come.
//!
//! A record carries a token through librdkafka: the request's ticket and the
//! record's place in it. So nothing is allocated for a record, and a report that
//! comes after its request was settled finds no ticket and is dropped.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::budget::Reservation;
use super::reports::Report;

/// Bits of a token that hold the record's place in its request.
const INDEX_BITS: u32 = 14;
/// Most records that a request can have, by the width of that place.
pub(crate) const MAX_RECORDS: usize = 1 << INDEX_BITS;

/// One request. Never used twice: at a million requests a second the 50 bits
/// beside the index last for 35 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(usize);

impl Ticket {
    /// The token of the request's record at `index`, below [`MAX_RECORDS`].
    pub(crate) fn token(self, index: usize) -> usize {
        debug_assert!(index < MAX_RECORDS);
        self.0 << INDEX_BITS | index
    }

    fn of(token: usize) -> (Self, usize) {
        (Self(token >> INDEX_BITS), token & (MAX_RECORDS - 1))
    }
}

/// A request that is under way, for the one who waits for its reports.
#[derive(Debug)]
pub(crate) struct InFlightRequest {
    pub(crate) ticket: Ticket,
    records: usize,
    all_reports: oneshot::Receiver<Vec<Report>>,
}

/// All requests under way.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_ticket: usize,
    requests: HashMap<Ticket, RequestReports>,
}

#[derive(Debug)]
struct RequestReports {
    producer: u64,
    reports: Vec<Report>,
    pending: usize,
    done: oneshot::Sender<Vec<Report>>,
    /// Given back with the last report, whether or not anybody still waits.
    room: Reservation,
}

impl InFlight {
    /// Takes a request of `records` records (1 to [`MAX_RECORDS`]) on its way by
    /// this producer.
    pub(crate) fn depart(&self, producer: u64, records: usize, room: Reservation) -> InFlightRequest {
        let (done, all_reports) = oneshot::channel();
        let reports = vec![Report::Pending; records];
        let mut state = self.lock();
        state.last_ticket += 1;
        let ticket = Ticket(state.last_ticket);
        let flight = RequestReports { producer, reports, pending: records, done, room };
        state.requests.insert(ticket, flight);
        InFlightRequest { ticket, records, all_reports }
    }

    /// Notes what has become of one record.
    pub(crate) fn report(&self, token: usize, report: Report) {
        let (ticket, index) = Ticket::of(token);
        self.note(ticket, index..index + 1, report);
    }

    /// Notes the same of the request's records from `index` on.
    pub(crate) fn report_from(&self, ticket: Ticket, index: usize, report: Report) {
        self.note(ticket, index..MAX_RECORDS, report);
    }

    fn note(&self, ticket: Ticket, places: std::ops::Range<usize>, report: Report) {
        let mut state = self.lock();
        let Some(flight) = state.requests.get_mut(&ticket) else {
            return;
        };
        for slot in flight.reports.iter_mut().take(places.end).skip(places.start) {
            if *slot == Report::Pending {
                *slot = report;
                flight.pending -= 1;
            }
        }
        if flight.pending == 0
            && let Some(flight) = state.requests.remove(&ticket)
        {
            flight.settle();
        }
    }

    /// The reports on a request: all of them as soon as the last one is there, or
    /// those that are there when the wait is over. Then the request stays under way,
    /// and its room is given back when its last report comes.
    pub(crate) async fn reports(&self, mut departed: InFlightRequest, wait: Duration) -> Vec<Report> {
        if let Ok(Ok(all)) = timeout(wait, &mut departed.all_reports).await {
            return all;
        }
        // What was settled in that very moment is in the channel.
        self.so_far(departed.ticket)
            .or_else(|| departed.all_reports.try_recv().ok())
            .unwrap_or_else(|| vec![Report::Lost; departed.records])
    }

    fn so_far(&self, ticket: Ticket) -> Option<Vec<Report>> {
        self.lock().requests.get(&ticket).map(|flight| flight.reports.clone())
    }

    /// Settles everything that this producer has under way as lost.
    pub(crate) fn lose(&self, producer: u64) {
        let mut state = self.lock();
        let lost: Vec<Ticket> = state
            .requests
            .iter()
            .filter_map(|(ticket, flight)| (flight.producer == producer).then_some(*ticket))
            .collect();
        for ticket in lost {
            if let Some(mut flight) = state.requests.remove(&ticket) {
                for slot in flight.reports.iter_mut().filter(|slot| **slot == Report::Pending) {
                    *slot = Report::Lost;
                }
                flight.settle();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestReports {
    fn settle(self) {
        // Room first: who reads the answer may come back at once with more.
        drop(self.room);
        // Nobody there any more is fine: the records are what counts.
        let _ = self.done.send(self.reports);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::Arc;

    use super::*;
    use crate::append::budget::{Budget, Queued};

    const KEPT: Report = Report::Kept { partition: 0, offset: Some(1) };

    fn room(budget: &Arc<Budget>, messages: usize) -> Reservation {
        budget.reserve(Queued { messages, bytes: messages }).unwrap()
    }

    fn budget() -> Arc<Budget> {
        Budget::new(Queued { messages: 100, bytes: 100 })
    }

    #[test]
    fn the_last_report_settles_the_request_and_gives_its_room_back() {
        let (requests, budget) = (InFlight::default(), budget());
        let mut request = requests.depart(1, 2, room(&budget, 2));
        requests.report(request.ticket.token(1), KEPT);
        assert!(request.all_reports.try_recv().is_err());
        requests.report(request.ticket.token(0), KEPT);
        assert_eq!(request.all_reports.try_recv().unwrap(), [KEPT, KEPT]);
        assert_eq!(budget.used(), Queued::default());
    }

    #[tokio::test]
    async fn when_the_wait_is_over_the_reports_so_far_are_told_and_the_room_is_held() {
        let (requests, budget) = (InFlight::default(), budget());
        let request = requests.depart(1, 2, room(&budget, 2));
        let ticket = request.ticket;
        requests.report(ticket.token(1), KEPT);
        let told = requests.reports(request, Duration::ZERO).await;
        assert_eq!(told, [Report::Pending, KEPT]);
        assert_eq!(budget.used().messages, 2);
        requests.report(ticket.token(0), KEPT);
        assert_eq!(budget.used().messages, 0);
    }

    #[test]
    fn room_is_held_until_the_last_report_when_the_caller_has_gone() {
        let (requests, budget) = (InFlight::default(), budget());
        let request = requests.depart(1, 1, room(&budget, 1));
        let ticket = request.ticket;
        drop(request);
        assert_eq!(budget.used().messages, 1);
        requests.report(ticket.token(0), KEPT);
        assert_eq!(budget.used().messages, 0);
    }

    #[test]
    fn a_second_report_of_a_record_changes_nothing() {
        let (requests, budget) = (InFlight::default(), budget());
        let mut request = requests.depart(1, 2, room(&budget, 2));
        requests.report(request.ticket.token(0), KEPT);
        requests.report(request.ticket.token(0), Report::Lost);
        assert!(request.all_reports.try_recv().is_err());
        requests.report(request.ticket.token(1), Report::Lost);
        requests.report(request.ticket.token(1), KEPT);
        assert_eq!(request.all_reports.try_recv().unwrap(), [KEPT, Report::Lost]);
    }

    #[test]
    fn a_broken_producer_loses_what_it_has_under_way_and_nothing_else() {
        let (requests, budget) = (InFlight::default(), budget());
        let mut old = requests.depart(1, 2, room(&budget, 2));
        let mut new = requests.depart(2, 1, room(&budget, 1));
        requests.report(old.ticket.token(0), KEPT);
        requests.lose(1);
        assert_eq!(old.all_reports.try_recv().unwrap(), [KEPT, Report::Lost]);
        assert!(new.all_reports.try_recv().is_err());
        assert_eq!(budget.used().messages, 1);
    }

    #[test]
    fn what_was_not_taken_is_noted_from_there_on() {
        let (requests, budget) = (InFlight::default(), budget());
        let mut request = requests.depart(1, 3, room(&budget, 3));
        requests.report_from(request.ticket, 1, Report::Lost);
        requests.report(request.ticket.token(0), KEPT);
        let reports = request.all_reports.try_recv().unwrap();
        assert_eq!(reports, [KEPT, Report::Lost, Report::Lost]);
    }
}
