//! What is judged.

use super::history::History;
use super::ledger::Ledger;
use super::observed::Observed;
use crate::plan::{Nature, Plan};

/// Everything a verdict rests on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was to be sent.
    pub plan: &'a Plan,
    /// The ids in it.
    pub ledger: &'a Ledger,
    /// What the publishers were told.
    pub history: &'a History,
    /// What is there now.
    pub observed: &'a Observed,
}

impl Case<'_> {
    /// What the plan's faults change by their nature.
    pub(super) fn nature(&self) -> Nature {
        Nature::of(&self.plan.injections)
    }
}
