//! What became of an event, as its publisher is told.

use serde::Serialize;
use store::verdicts::Verdict;
use utoipa::ToSchema;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// New: it is a row now.
    Stored,
    /// It was there before.
    Duplicate,
    /// Its id was there before, with another payload; the first one stands.
    Conflict,
    /// It could not be stored; it is kept aside with the reason.
    DeadLetter,
}

impl Outcome {
    /// The outcome that a verdict tells, if it tells one.
    pub(super) fn of(verdict: Verdict) -> Option<Outcome> {
        match verdict {
            Verdict::Stored => Some(Outcome::Stored),
            Verdict::Duplicate => Some(Outcome::Duplicate),
            Verdict::Conflict => Some(Outcome::Conflict),
            Verdict::DeadLetter => Some(Outcome::DeadLetter),
            Verdict::Unknown => None,
        }
    }
}
