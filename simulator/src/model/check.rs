//! One claim, and whether it holds.

use serde::Serialize;

/// Named ids in the evidence of one check, at most.
const EVIDENCE: usize = 10;

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

impl Check {
    /// A claim that holds where nothing speaks against it.
    // What is shown is a number or a word: nothing is gained by borrowing it.
    #[allow(clippy::needless_pass_by_value)]
    pub(super) fn refuted_by(
        what: &'static str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
        against: Vec<String>,
    ) -> Self {
        let state = if against.is_empty() { State::Held } else { State::Violated };
        Self { what, expected: expected.to_string(), found: found.to_string(), state, evidence: shortened(against) }
    }

    /// What is meant, where the claim alone does not say it.
    pub(super) fn also(mut self, remark: String) -> Self {
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
