//! Plans that have a name.
//!
//! A scenario says what is sent and nothing about how it is judged: the model's
//! claims are the same for all of them.

mod bad_input;
mod broken;
mod content;
mod repeats;
mod rhythm;

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

/// Every scenario: first those that any running server can be put through, then
/// those that break a stack of their own.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "steady",
        about: "new events and 30 % repeats, in batches of 1 to 50, by several publishers",
        events: 1_000,
        topics: 5,
        own: false,
        fill: repeats::steady,
    },
    Scenario {
        name: "retry-storm",
        about: "each event three times, from many publishers at once",
        events: 1_500,
        topics: 5,
        own: false,
        fill: repeats::retry_storm,
    },
    Scenario {
        name: "inner-duplicates",
        about: "batches that repeat their own events",
        events: 1_000,
        topics: 3,
        own: false,
        fill: repeats::inner_duplicates,
    },
    Scenario {
        name: "mixed-batches",
        about: "batches half of events stored long before and half of new ones",
        events: 1_000,
        topics: 3,
        own: false,
        fill: repeats::mixed_batches,
    },
    Scenario {
        name: "many-topics",
        about: "a thousand topics with a few events each",
        events: 4_000,
        topics: 1_000,
        own: false,
        fill: repeats::many_topics,
    },
    Scenario {
        name: "burst",
        about: "single events in sudden bursts, with random repeats",
        events: 3_000,
        topics: 5,
        own: false,
        fill: rhythm::burst,
    },
    Scenario {
        name: "conflicts",
        about: "the same id with another payload, or with the same payload from elsewhere",
        events: 1_500,
        topics: 3,
        own: false,
        fill: content::conflicts,
    },
    Scenario {
        name: "late-and-old",
        about: "timestamps from the year 1 to 9999, in every form and zone",
        events: 500,
        topics: 2,
        own: false,
        fill: content::late_and_old,
    },
    Scenario {
        name: "big-batches",
        about: "batches of up to 10,000 events, and single events near 1 MiB",
        events: 30_000,
        topics: 5,
        own: false,
        fill: content::big_batches,
    },
    Scenario {
        name: "slow-publisher",
        about: "bodies that arrive in small pieces, beside publishers that are quick",
        events: 400,
        topics: 3,
        own: false,
        fill: rhythm::slow_publisher,
    },
    Scenario {
        name: "bad-input",
        about: "everything that must be refused, in between events that must be kept",
        events: 300,
        topics: 2,
        own: false,
        fill: bad_input::bad_input,
    },
    Scenario {
        name: "consumer-crash",
        about: "kill -9 to the consumer, also between the database's commit and the group's",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::consumers::consumer_crash,
    },
    Scenario {
        name: "api-crash",
        about: "kill -9 to the api while requests are under way",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::consumers::api_crash,
    },
    Scenario {
        name: "zombie",
        about: "a consumer stops for longer than its session, another takes over, the first goes on",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::consumers::zombie,
    },
    Scenario {
        name: "zombie-commit",
        about: "an old member's offset commit arrives late; then all offsets are overwritten",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::offsets::zombie_commit,
    },
    Scenario {
        name: "rebalance-storm",
        about: "consumers join and leave all the time",
        events: 3_000,
        topics: 8,
        own: true,
        fill: broken::consumers::rebalance_storm,
    },
    Scenario {
        name: "rewind",
        about: "the group's offsets are set back to the beginning",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::offsets::rewind,
    },
    Scenario {
        name: "fast-forward",
        about: "the group's offsets are set beyond what is stored",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::offsets::fast_forward,
    },
    Scenario {
        name: "database-outage",
        about: "the database is killed, and stays away while publishers go on",
        events: 6_000,
        topics: 5,
        own: true,
        fill: broken::outages::database_outage,
    },
    Scenario {
        name: "lost-commit-answer",
        about: "connections are cut at a COMMIT, carried out or not",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::answers::lost_commit_answer,
    },
    Scenario {
        name: "slow-database",
        about: "each message to and from the database takes its time",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::database::slow_database,
    },
    Scenario {
        name: "deadlock",
        about: "outsiders lock rows, in the wrong order and for too long",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::database::deadlock,
    },
    Scenario {
        name: "broker-restart",
        about: "the broker goes down and comes back",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::outages::broker_restart,
    },
    Scenario {
        name: "broker-outage",
        about: "nobody reaches the broker for longer than a record may take",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::outages::broker_outage,
    },
    Scenario {
        name: "overload",
        about: "more at once than there is room for: requests are refused with 429 as a whole, and come again",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::overload::overload,
    },
    Scenario {
        name: "lost-ack",
        about: "connections are cut at a Produce, carried out or not",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::answers::lost_ack,
    },
    Scenario {
        name: "poison",
        about: "records that are no events: first, last and in the middle, one or many",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::log::poison,
    },
    Scenario {
        name: "topic-recreated",
        about: "the Kafka topic is deleted and created again, longer or shorter",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::log::topic_recreated,
    },
    Scenario {
        name: "trimmed",
        about: "retention takes what no consumer has read",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::log::trimmed,
    },
    Scenario {
        name: "database-restored",
        about: "an older copy of the database comes back while everything runs",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::database::database_restored,
    },
    Scenario {
        name: "log-cut",
        about: "the broker comes back with a shorter log",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::log::log_cut,
    },
    Scenario {
        name: "transactional-gaps",
        about: "other writers' transactions, committed and aborted",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::log::transactional_gaps,
    },
    Scenario {
        name: "pruned-meanwhile",
        about: "events are deleted on purpose, and published again",
        events: 1_500,
        topics: 5,
        own: true,
        fill: broken::database::pruned_meanwhile,
    },
    Scenario {
        name: "many-partitions-later",
        about: "partitions are added, and the change is accepted",
        events: 1_500,
        topics: 8,
        own: true,
        fill: broken::log::many_partitions_later,
    },
    Scenario {
        name: "shutdown-under-load",
        about: "SIGTERM while all is full, also with the broker silent",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::consumers::shutdown_under_load,
    },
    Scenario {
        name: "disk-full",
        about: "the database refuses every insert for a while (53100)",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::database::disk_full,
    },
    Scenario {
        name: "connection-limit",
        about: "the database gives no more connections for a while (53300)",
        events: 2_000,
        topics: 5,
        own: true,
        fill: broken::database::connection_limit,
    },
];

/// A selection of a few minutes, for every change: one of each kind of fault.
pub const CI: &[&str] = &[
    "steady",
    "consumer-crash",
    "api-crash",
    "zombie",
    "rebalance-storm",
    "fast-forward",
    "database-outage",
    "lost-commit-answer",
    "broker-restart",
    "lost-ack",
    "poison",
    "topic-recreated",
    "trimmed",
    "database-restored",
    "transactional-gaps",
    "disk-full",
    "shutdown-under-load",
];

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
