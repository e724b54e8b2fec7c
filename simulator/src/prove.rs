//! Whether the simulator would notice: bugs are planted in the services one at a
//! time, and each has to be caught by a scenario that is silent without it.
//!
//! - [`PLANTED`]: the bugs, and the scenarios that should catch them.
//! - [`Proof`]: what was tried and what came of it, as a table.
//! - [`Program`]: the services, built so that bugs can be planted.

mod program;

use std::fmt;

use crate::model::State;
use crate::report::{Report, Verdict};

pub use program::{NoProgram, Program};

/// The variable that plants a bug.
pub const VARIABLE: &str = "ONCELOG_PLANTED_BUG";

/// A bug, and where it should be noticed.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// Its name, as the services know it.
    pub bug: &'static str,
    /// Tried in this order, seed by seed.
    pub scenarios: &'static [&'static str],
}

/// Every bug that the services know.
pub const PLANTED: &[Planted] = &[
    Planted { bug: "commit-before-store", scenarios: &["consumer-crash"] },
    Planted { bug: "fence-skipped", scenarios: &["zombie"] },
    Planted { bug: "redelivered-as-duplicate", scenarios: &["rewind"] },
    Planted { bug: "poison-swallowed", scenarios: &["poison"] },
    Planted { bug: "next-offset-off-by-one", scenarios: &["steady"] },
    Planted { bug: "progress-past-dropped", scenarios: &["rebalance-storm"] },
    Planted { bug: "counters-apart", scenarios: &["lost-commit-answer", "consumer-crash"] },
    Planted { bug: "ack-before-report", scenarios: &["broker-outage"] },
    Planted { bug: "start-at-group-offset", scenarios: &["fast-forward"] },
    Planted { bug: "verdict-by-position", scenarios: &["topic-recreated", "log-cut"] },
    Planted { bug: "recent-keys-kept", scenarios: &["database-restored"] },
    Planted { bug: "failed-transaction-committed", scenarios: &["disk-full"] },
    Planted { bug: "half-request-on-429", scenarios: &["overload"] },
    Planted { bug: "conflict-as-duplicate", scenarios: &["conflicts"] },
    Planted { bug: "witness-not-compared", scenarios: &["log-cut"] },
    Planted { bug: "missing-trace-is-another-log", scenarios: &["dead-letters-cleaned", "event-rule-tightened"] },
    Planted { bug: "trace-by-position", scenarios: &["log-cut-unwitnessed"] },
    Planted { bug: "one-look-is-believed", scenarios: &["fetch-lies"] },
    Planted { bug: "out-of-range-restarts-all", scenarios: &["fetch-lies"] },
    Planted { bug: "id-adopted-unseen", scenarios: &["upgrade-from-no-topic-id"] },
    Planted { bug: "broker-count-decides", scenarios: &["partitions-added"] },
    Planted { bug: "suspicion-kept-back", scenarios: &["tail-suspected"] },
    Planted { bug: "copy-not-noticed", scenarios: &["staging-copy"] },
    Planted { bug: "standstill-unseen", scenarios: &["hanging-transaction", "one-partition-held"] },
    Planted { bug: "pending-to-the-end", scenarios: &["hanging-transaction"] },
    Planted { bug: "unreadable-is-a-gap", scenarios: &["undecodable-batch"] },
    Planted { bug: "unreadable-skipped-at-once", scenarios: &["unreadable-skip"] },
    Planted { bug: "bytes-left-out-at-once", scenarios: &["dead-letters-refused"] },
    Planted { bug: "answers-of-any-size", scenarios: &["packed-backlog"] },
    Planted { bug: "no-room-for-small", scenarios: &["hostile-clients"] },
];

/// How a bug fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub bug: &'static str,
    /// Who caught it; none if it escaped.
    pub caught: Option<Catch>,
    /// Runs in which it was planted.
    pub runs: usize,
}

/// The run that caught a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catch {
    /// The scenario.
    pub scenario: &'static str,
    /// Its seed.
    pub seed: u64,
    /// The claims that were violated.
    pub violated: Vec<&'static str>,
    /// What the same run came to without the bug.
    pub clean: Verdict,
}

/// All that was tried.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// One per bug.
    pub lines: Vec<Line>,
}

impl Line {
    /// Whether it was caught, by a run that is silent without it.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.caught.as_ref().is_some_and(|catch| catch.clean == Verdict::Pass)
    }
}

impl Proof {
    /// The table's head.
    #[must_use]
    pub fn head() -> String {
        row(["BUG", "CAUGHT BY", "SEED", "WITHOUT IT", "VIOLATED"])
    }

    /// Whether every bug was caught, and no run without one raised an alarm.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.lines.iter().all(Line::holds)
    }
}

/// The claims that a run violated; empty if it caught nothing.
#[must_use]
pub fn violated(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|check| check.state == State::Violated).map(|check| check.what).collect()
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(catch) = &self.caught else {
            let runs = format!("in {} runs", self.runs);
            return out.write_str(&row([self.bug, "ESCAPED", "", "", &runs]));
        };
        let more = match catch.violated.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let violated = format!("{}{more}", catch.violated.first().unwrap_or(&""));
        let clean = if catch.clean == Verdict::Pass { "silent".to_owned() } else { catch.clean.to_string() };
        out.write_str(&row([self.bug, catch.scenario, &catch.seed.to_string(), &clean, &violated]))
    }
}

/// What it comes to, below the table.
impl fmt::Display for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let caught = self.lines.iter().filter(|line| line.caught.is_some()).count();
        let alarms = self.lines.iter().filter(|line| line.caught.is_some() && !line.holds()).count();
        let clean = match alarms {
            0 => "silent without them".to_owned(),
            count => format!("{count} NOT silent without them"),
        };
        write!(out, "{caught} of {} bugs caught, {clean}", self.lines.len())
    }
}

fn row([bug, caught, seed, clean, violated]: [&str; 5]) -> String {
    format!("{bug:<28}  {caught:<20}  {seed:>4}  {clean:<10}  {violated}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::scenarios;

    fn caught(clean: Verdict) -> Line {
        let violated = vec!["acknowledged events there", "rows exactly as sent"];
        let catch = Catch { scenario: "zombie", seed: 7, violated, clean };
        Line { bug: "fence-skipped", caught: Some(catch), runs: 1 }
    }

    #[test]
    fn every_bug_has_a_scenario_that_exists() {
        for planted in PLANTED {
            assert!(!planted.scenarios.is_empty(), "{}", planted.bug);
            for name in planted.scenarios {
                assert!(scenarios::named(name).is_some(), "{}: {name}", planted.bug);
            }
        }
        let names: HashSet<_> = PLANTED.iter().map(|planted| planted.bug).collect();
        assert_eq!(names.len(), PLANTED.len());
    }

    #[test]
    fn a_bug_that_escapes_refutes_the_proof() {
        let escaped = Line { bug: "counters-apart", caught: None, runs: 5 };
        let proof = Proof { lines: vec![caught(Verdict::Pass), escaped] };

        assert!(!proof.holds());
        assert!(proof.lines[1].to_string().contains("ESCAPED"));
        assert!(proof.to_string().contains("1 of 2"), "{proof}");
    }

    #[test]
    fn an_alarm_without_a_bug_refutes_the_proof() {
        assert!(Proof { lines: vec![caught(Verdict::Pass)] }.holds());
        assert!(!Proof { lines: vec![caught(Verdict::Fail)] }.holds());
        let unjudged = Verdict::Unjudged { reason: "late".to_owned() };
        assert!(!Proof { lines: vec![caught(unjudged)] }.holds());
    }

    #[test]
    fn a_line_names_scenario_seed_and_what_was_violated() {
        let line = caught(Verdict::Pass).to_string();

        for part in ["fence-skipped", "zombie", "7", "silent", "acknowledged events there (and 1 more)"] {
            assert!(line.contains(part), "{line}");
        }
    }
}
