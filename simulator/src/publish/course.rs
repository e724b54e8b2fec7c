//! How far the publishers are, for who acts beside them; and what they wait for.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug)]
struct State {
    answered: usize,
    /// Every request of the phases below this one has its answer.
    reached: u32,
    /// Phases below this one may begin.
    open_below: u32,
    given_up: bool,
}

/// Shared by the publishers of a run and those who break things meanwhile.
#[derive(Debug)]
pub struct Course(watch::Sender<State>);

impl Course {
    /// Phases below this one may begin; `u32::MAX` holds up nobody.
    #[must_use]
    pub fn open(below: u32) -> Self {
        Self(watch::Sender::new(State { answered: 0, reached: 0, open_below: below, given_up: false }))
    }

    /// Lets the phases below this one begin.
    pub fn open_below(&self, phase: u32) {
        self.0.send_modify(|state| state.open_below = phase);
    }

    /// Nothing more is sent.
    pub fn give_up(&self) {
        self.0.send_modify(|state| state.given_up = true);
    }

    /// Until so many copies have their final answer, or nothing more is sent.
    pub async fn answered(&self, copies: usize) {
        self.until(|state| state.answered >= copies || state.given_up).await;
    }

    /// Until every request of the phases before this one has its final answer, or nothing more is sent.
    pub async fn reached(&self, phase: u32) {
        self.until(|state| state.reached >= phase || state.given_up).await;
    }

    pub(super) fn reach(&self, phase: u32) {
        self.0.send_modify(|state| state.reached = phase);
    }

    pub(super) fn advance(&self, copies: usize) {
        self.0.send_modify(|state| state.answered += copies);
    }

    pub(super) async fn opened(&self, phase: u32) {
        self.until(|state| phase < state.open_below || state.given_up).await;
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.0.borrow().given_up
    }

    async fn until(&self, holds: impl FnMut(&State) -> bool) {
        // Closed only with the course itself, which the caller holds.
        let _ = self.0.subscribe().wait_for(holds).await;
    }
}
