//! The judge: what was sent and told, held against what is there.
//!
//! Pure, and it shares no code with the services: a judge that shares the code
//! shares its bugs. It believes an acknowledgement, so that every event of one
//! must be there; it believes nothing of a request without an answer, so that its
//! events may be there or not, but at most once.

mod books;
mod checks;
mod facts;
mod history;
mod json;
mod ledger;
mod observed;
mod replay;
mod row;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::plan::{Nature, Plan};

pub use books::{Books, Counts, Ends, Key, LogRecord, Page, PlaceOf, RowOf};
pub use history::{Fate, History, Position, Sent, Told, ToldEvent, Totals};
pub use json::same_json;
pub use ledger::Ledger;
pub use observed::{Observed, Others};
pub use row::{Content, IdIndex, Row};

/// Named ids in the evidence of one check, at most.
const EVIDENCE: usize = 10;

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
    fn nature(&self) -> Nature {
        Nature::of(&self.plan.strikes)
    }
}

/// One line of the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is claimed.
    pub what: &'static str,
    /// What there should be.
    pub expected: String,
    /// What there is.
    pub found: String,
    /// Whether the claim holds.
    pub state: State,
    /// Which ids or answers break it, or why it can only be judged in part.
    pub evidence: Vec<String>,
}

/// Whether a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does.
    Held,
    /// It does not.
    Violated,
    /// It cannot be told from what is known.
    Open,
}

/// Judges a run after everything has drained.
#[must_use]
pub fn judge(case: &Case<'_>) -> Vec<Check> {
    let facts = facts::Facts::gather(case);
    let mut checks = checks::rows(case, &facts);
    checks.extend(checks::verdicts(case, &facts));
    checks.extend(checks::answers(case));
    checks.extend(checks::topics(case, &facts));
    checks.extend(checks::stats(case, &facts));
    if let Some(books) = &case.observed.books {
        checks.extend(checks::books(case, books, &facts));
        checks.extend(checks::stack(case, books));
    }
    checks
}

/// Judges the answers alone, where nothing is read back.
#[must_use]
pub fn judge_answers(plan: &Plan, history: &History) -> Vec<Check> {
    let (ledger, observed) = (Ledger::new(plan), Observed::default());
    checks::answers(&Case { plan, ledger: &ledger, history, observed: &observed })
}

impl Check {
    /// A claim that holds where nothing speaks against it.
    // What is shown is a number or a word: nothing is gained by borrowing it.
    #[allow(clippy::needless_pass_by_value)]
    fn refuted_by(
        what: &'static str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
        against: Vec<String>,
    ) -> Self {
        let state = if against.is_empty() { State::Held } else { State::Violated };
        Self { what, expected: expected.to_string(), found: found.to_string(), state, evidence: shortened(against) }
    }

    /// What is meant, where the claim alone does not say it.
    fn also(mut self, remark: String) -> Self {
        if self.state == State::Violated {
            self.evidence.push(remark);
        }
        self
    }
}

fn shortened(mut evidence: Vec<String>) -> Vec<String> {
    let more = evidence.len().saturating_sub(EVIDENCE);
    evidence.truncate(EVIDENCE);
    evidence.extend((more > 0).then(|| format!("and {more} more")));
    evidence
}
