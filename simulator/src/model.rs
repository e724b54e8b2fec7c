//! The judge: what was sent and told, held against what is there.
//!
//! Pure, and it shares no code with the services: a judge that shares the code
//! shares its bugs. It believes an acknowledgement, so that every event of one
//! must be there; it believes nothing of a request without an answer, so that its
//! events may be there or not, but at most once.

mod beside;
mod case;
mod check;
mod checks;
mod facts;
mod ground_truth;
mod history;
mod json;
mod ledger;
mod observed;
mod replay;
mod row;
#[cfg(test)]
mod tests;

use crate::plan::Plan;

pub use beside::Beside;
pub use case::Case;
pub use check::{Check, State};
pub use ground_truth::{Attacked, Counts, Ends, GroundTruth, Key, LogRecord, Page, PlaceOf, RowOf};
pub use history::{History, KnownOutcome, Position, Sent, Told, ToldEvent, Totals};
pub use json::same_json;
pub use ledger::Ledger;
pub use observed::{Observed, Others};
pub use row::{Content, IdIndex, Row};

/// Judges a run after everything has drained.
#[must_use]
pub fn judge(case: &Case<'_>) -> Vec<Check> {
    let facts = facts::Facts::gather(case);
    let mut checks = checks::rows(case, &facts);
    checks.extend(checks::verdicts(case, &facts));
    checks.extend(checks::answers(case));
    checks.extend(checks::topics(case, &facts));
    checks.extend(checks::stats(case, &facts));
    if let Some(ground_truth) = &case.observed.ground_truth {
        checks.extend(checks::ground_truth(case, ground_truth, &facts));
        checks.extend(checks::stack(case, ground_truth));
        checks.extend(checks::attacked(case, ground_truth));
    }
    checks
}

/// Judges the answers alone, where nothing is read back.
#[must_use]
pub fn judge_answers(plan: &Plan, history: &History) -> Vec<Check> {
    let (ledger, observed) = (Ledger::new(plan), Observed::default());
    checks::answers(&Case { plan, ledger: &ledger, history, observed: &observed })
}
