//! What the connections of a proxy obey.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::frames::{Asked, Place};
use super::kinds::{Call, Flow, Lie, Trap};
use super::lies::{Fetched, Lies, NOT_AUTHORIZED, NOT_LEADER, OFFSET_OUT_OF_RANGE};

#[derive(Clone, Copy, Debug, Default)]
struct State {
    flow: Flow,
    /// Raised to close all connections that are older.
    cuts: u64,
    trap: Option<(Call, Trap)>,
    sprung: bool,
    lies: Lies,
}

/// Shared by a proxy and its connections.
#[derive(Debug)]
pub(super) struct Gate(watch::Sender<State>);

/// What a call has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Pass,
    /// Was held, and may pass now if whoever sent it is still there.
    PassLate,
    /// Pass, and the answer is not to arrive.
    PassWithoutAnswer,
    /// The connection ends here.
    Cut,
}

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(State::default()))
    }
}

impl Gate {
    pub(super) fn set_flow(&self, flow: Flow) {
        self.0.send_modify(|state| {
            state.flow = flow;
            state.cuts += u64::from(flow == Flow::Closed);
        });
    }

    pub(super) fn cut(&self) {
        self.0.send_modify(|state| state.cuts += 1);
    }

    pub(super) fn lay(&self, call: Call, trap: Trap) {
        self.0.send_modify(|state| (state.trap, state.sprung) = (Some((call, trap)), false));
    }

    pub(super) fn release(&self) {
        self.0.send_modify(|state| state.trap = None);
    }

    pub(super) fn lie(&self, lie: Lie) {
        self.0.send_modify(|state| match lie {
            Lie::OutOfRange(partition) => state.lies.fetch = Some((partition, Fetched::Error(OFFSET_OUT_OF_RANGE))),
            Lie::Held(partition) => state.lies.fetch = Some((partition, Fetched::Error(NOT_LEADER))),
            Lie::Forbidden(partition) => state.lies.fetch = Some((partition, Fetched::Error(NOT_AUTHORIZED))),
            Lie::DamagedOnce(partition) => state.lies.fetch = Some((partition, Fetched::DamagedOnce)),
            Lie::Damaged(partition) => state.lies.fetch = Some((partition, Fetched::Damaged)),
            Lie::Empty(partition) => state.lies.empty = Some((partition, Place::Low)),
            Lie::Untold(partition) => state.lies.untold = Some(partition),
            Lie::NoTopicIds => state.lies.no_topic_ids = true,
        });
    }

    pub(super) fn tell_the_truth(&self) {
        self.0.send_modify(|state| state.lies = Lies::default());
    }

    /// An answer on its way to the client.
    pub(super) fn falsify(&self, asked: Asked, answer: &mut [u8]) {
        self.0.send_if_modified(|state| {
            state.lies = state.lies.tell(asked, answer);
            false
        });
    }

    pub(super) fn mend(&self) {
        self.0.send_modify(|state| {
            state.cuts += u64::from(matches!(state.flow, Flow::Stalled | Flow::Closed));
            (state.flow, state.trap, state.lies) = (Flow::Freely, None, Lies::default());
        });
    }

    pub(super) async fn sprung(&self) {
        self.until(|state| state.sprung).await;
    }

    /// The age by which a new connection is cut later; none where it is not welcome.
    pub(super) fn enter(&self) -> Option<u64> {
        let state = self.0.borrow();
        (state.flow != Flow::Closed).then_some(state.cuts)
    }

    /// Until connections of this age are cut.
    pub(super) async fn cut_after(&self, age: u64) {
        self.until(|state| state.cuts > age).await;
    }

    /// Until a message may pass.
    pub(super) async fn flowing(&self) {
        self.until(|state| !matches!(state.flow, Flow::Stalled | Flow::Closed)).await;
        let flow = self.0.borrow().flow;
        if let Flow::Slowly(delay) = flow {
            sleep(delay.max(Duration::from_millis(1))).await;
        }
    }

    /// A call on its way to the server. Waits as long as it is held.
    pub(super) async fn meet(&self, call: Call) -> Order {
        let mut met = None;
        self.0.send_if_modified(|state| {
            met = state.trap.filter(|(wanted, _)| *wanted == call).map(|(_, trap)| trap);
            match met {
                None => return false,
                Some(Trap::Hold) => state.sprung = true,
                // It is known to have been carried out only when the answer comes.
                Some(Trap::CutAfter) => state.trap = None,
                Some(Trap::CutBefore) => (state.trap, state.sprung) = (None, true),
            }
            true
        });
        match met {
            None => Order::Pass,
            Some(Trap::CutBefore) => Order::Cut,
            Some(Trap::CutAfter) => Order::PassWithoutAnswer,
            Some(Trap::Hold) => {
                self.until(|state| state.trap != Some((call, Trap::Hold))).await;
                Order::PassLate
            }
        }
    }

    /// The answer that was not to arrive has come.
    pub(super) fn answer_caught(&self) {
        self.0.send_modify(|state| state.sprung = true);
    }

    async fn until(&self, holds: impl FnMut(&State) -> bool) {
        // Closed only with the gate itself, which the caller holds.
        let _ = self.0.subscribe().wait_for(holds).await;
    }
}
