//! What only a build with the feature `armed` has.

use std::env;
use std::fmt::Debug;
use std::sync::OnceLock;

use crate::kinds::{Bug, Place};

/// What one variable may switch on, by name.
struct Switch<T: 'static> {
    variable: &'static str,
    names: &'static [(&'static str, T)],
}

const BUGS: Switch<Bug> = Switch {
    variable: "ONCELOG_PLANTED_BUG",
    names: &[
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
        ("standstill-unseen", Bug::StandstillUnseen),
        ("pending-to-the-end", Bug::PendingToTheEnd),
        ("unreadable-is-a-gap", Bug::UnreadableIsAGap),
        ("unreadable-skipped-at-once", Bug::UnreadableSkippedAtOnce),
        ("bytes-left-out-at-once", Bug::BytesLeftOutAtOnce),
        ("answers-of-any-size", Bug::AnswersOfAnySize),
        ("no-room-for-small", Bug::NoRoomForSmall),
    ],
};

const PANICS: Switch<Place> = Switch {
    variable: "ONCELOG_PLANTED_PANIC",
    names: &[
        ("main", Place::Main),
        ("watch", Place::Watch),
        ("handler", Place::Handler),
        ("body", Place::Body),
        ("report", Place::Report),
        ("log-client", Place::LogClient),
        ("poll", Place::Poll),
        ("writer", Place::Writer),
    ],
};

/// The bug that the environment names. Read once: a process has the same bug all its life.
pub(crate) fn planted() -> Option<Bug> {
    static PLANTED: OnceLock<Option<Bug>> = OnceLock::new();
    *PLANTED.get_or_init(|| BUGS.on().ok().flatten())
}

/// The place that panics, read once, too.
pub(crate) fn panicking() -> Option<Place> {
    static PANICKING: OnceLock<Option<Place>> = OnceLock::new();
    *PANICKING.get_or_init(|| PANICS.on().ok().flatten())
}

pub(crate) fn announce() -> Result<(), String> {
    BUGS.announce()?;
    PANICS.announce()
}

impl<T: Copy + Debug> Switch<T> {
    fn announce(&self) -> Result<(), String> {
        if let Some(planted) = self.on()? {
            eprintln!("PLANTED: {}={planted:?}; this process is wrong on purpose", self.variable);
        }
        Ok(())
    }

    fn on(&self) -> Result<Option<T>, String> {
        let wanted = env::var(self.variable).ok().filter(|name| !name.is_empty());
        wanted.map(|name| self.named(&name)).transpose()
    }

    fn named(&self, name: &str) -> Result<T, String> {
        let found = self.names.iter().find(|(known, _)| *known == name);
        found.map(|(_, planted)| *planted).ok_or_else(|| {
            let names: Vec<&str> = self.names.iter().map(|(name, _)| *name).collect();
            format!("{}={name} is no name of it; there are: {}", self.variable, names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bug_and_each_place_has_one_name() {
        for (place, (name, bug)) in BUGS.names.iter().enumerate() {
            assert_eq!(BUGS.named(name), Ok(*bug));
            assert_eq!(*bug as usize, place, "in the order of the enum, so that none is forgotten");
        }
        for (place, (name, planted)) in PANICS.names.iter().enumerate() {
            assert_eq!(PANICS.named(name), Ok(*planted));
            assert_eq!(*planted as usize, place, "in the order of the enum, so that none is forgotten");
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_names() {
        let error = BUGS.named("no-such-bug").unwrap_err();
        assert!(error.contains("fence-skipped") && error.contains("conflict-as-duplicate"), "{error}");
    }
}
