//! Plans that have a name.
//!
//! A scenario says what is sent and nothing about how it is judged: the model's
//! claims are the same for all of them.

mod bad_input;
mod broken;
mod content;
mod named;
mod repeats;
mod rhythm;

pub use named::{ALL, CI, named};

use crate::plan::{Draft, Plan, RunId};

/// A named kind of plan.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    /// Copies sent where nothing else is asked for.
    pub events: usize,
    /// Topics used.
    topics: usize,
    /// Whether it breaks things, which takes a stack of one's own.
    pub own: bool,
    fill: fn(&mut Draft, Size),
}

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Copies sent in total, as near as the scenario can.
    pub events: usize,
}

impl Scenario {
    /// Its plan for a seed.
    #[must_use]
    pub fn plan(&self, seed: u64, run: &RunId, size: Size) -> Plan {
        let mut draft = Draft::new(seed, run, self.topics);
        (self.fill)(&mut draft, size);
        Plan { scenario: self.name.to_owned(), ..draft.finish() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::HashSet;

    use super::*;

    fn plan(scenario: &Scenario, seed: u64) -> Plan {
        scenario.plan(seed, &"t".parse().unwrap(), Size { events: scenario.events })
    }

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = ALL.iter().map(|scenario| scenario.name).collect();

        assert_eq!(names.len(), ALL.len());
        assert!(CI.iter().all(|name| names.contains(name)));
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        for scenario in ALL {
            let bytes =
                |plan: &Plan| plan.requests.iter().map(|request| plan.body(&request.content)).collect::<Vec<_>>();
            let (a, b, c) = (plan(scenario, 5), plan(scenario, 5), plan(scenario, 6));

            assert!(bytes(&a) == bytes(&b), "{}", scenario.name);
            assert!(bytes(&a) != bytes(&c), "{}", scenario.name);
        }
    }

    #[test]
    fn every_valid_request_keeps_within_the_servers_limits() {
        for scenario in ALL {
            let plan = plan(scenario, 1);
            for request in plan.requests.iter().filter(|request| !request.content.events().is_empty()) {
                assert!(request.content.events().len() <= 10_000, "{}", scenario.name);
                assert!(plan.body(&request.content).len() <= 8 << 20, "{}", scenario.name);
            }
            assert!(plan.events.iter().all(|event| event.json.len() < 1 << 20), "{}", scenario.name);
        }
    }

    #[test]
    fn a_scenario_sends_about_as_much_as_it_is_asked_to() {
        for scenario in ALL {
            let sent = plan(scenario, 1).copies();

            assert!(sent.abs_diff(scenario.events) <= scenario.events / 10, "{}: {sent}", scenario.name);
        }
    }
}
