//! What only a build with the feature `armed` has.

use std::env;
use std::sync::OnceLock;

use crate::Bug;

const VARIABLE: &str = "ONCELOG_PLANTED_BUG";

const NAMES: [(&str, Bug); 23] = [
    ("commit-before-store", Bug::CommitBeforeStore),
    ("fence-skipped", Bug::FenceSkipped),
    ("redelivered-as-duplicate", Bug::RedeliveredAsDuplicate),
    ("poison-swallowed", Bug::PoisonSwallowed),
    ("next-offset-off-by-one", Bug::NextOffsetOffByOne),
    ("progress-past-dropped", Bug::ProgressPastDropped),
    ("counters-apart", Bug::CountersApart),
    ("ack-before-report", Bug::AckBeforeReport),
    ("start-at-group-offset", Bug::StartAtGroupOffset),
    ("verdict-by-position", Bug::VerdictByPosition),
    ("recent-keys-kept", Bug::RecentKeysKept),
    ("failed-transaction-committed", Bug::FailedTransactionCommitted),
    ("half-request-on-429", Bug::HalfRequestOn429),
    ("conflict-as-duplicate", Bug::ConflictAsDuplicate),
    ("witness-not-compared", Bug::WitnessNotCompared),
    ("missing-trace-is-another-log", Bug::MissingTraceIsAnotherLog),
    ("trace-by-position", Bug::TraceByPosition),
    ("one-look-is-believed", Bug::OneLookIsBelieved),
    ("out-of-range-restarts-all", Bug::OutOfRangeRestartsAll),
    ("id-adopted-unseen", Bug::IdAdoptedUnseen),
    ("broker-count-decides", Bug::BrokerCountDecides),
    ("suspicion-kept-back", Bug::SuspicionKeptBack),
    ("copy-not-noticed", Bug::CopyNotNoticed),
];

/// The bug that the environment names. Read once: a process has the same bug all its life.
pub(crate) fn planted() -> Option<Bug> {
    static PLANTED: OnceLock<Option<Bug>> = OnceLock::new();
    *PLANTED.get_or_init(|| named(&wanted()?).ok())
}

pub(crate) fn announce() -> Result<(), String> {
    if let Some(name) = wanted() {
        let bug = named(&name)?;
        eprintln!("PLANTED BUG: {name} ({bug:?}); this process is wrong on purpose");
    }
    Ok(())
}

fn wanted() -> Option<String> {
    env::var(VARIABLE).ok().filter(|name| !name.is_empty())
}

fn named(name: &str) -> Result<Bug, String> {
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found.map(|(_, bug)| *bug).ok_or_else(|| {
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        format!("{VARIABLE}={name} is no bug; there are: {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bug_has_one_name() {
        for (place, (name, bug)) in NAMES.iter().enumerate() {
            assert_eq!(named(name), Ok(*bug));
            assert_eq!(*bug as usize, place, "in the order of the enum, so that none is forgotten");
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_names() {
        let error = named("no-such-bug").unwrap_err();
        assert!(error.contains("fence-skipped") && error.contains("conflict-as-duplicate"), "{error}");
    }
}
