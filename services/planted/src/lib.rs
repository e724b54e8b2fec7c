//! Bugs that can be planted, so that it can be seen whether the simulator finds them.
//!
//! A place that can be broken asks [`on`]. Without the feature `armed` that is `false` at compile
//! time, and nothing of a bug is in the binary. With it, `ONCELOG_PLANTED_BUG=name` switches one on, and
//! `ONCELOG_PLANTED_PANIC=name` has [`panic_at`] panic at one place.
//! A release can't have the feature: it does not compile.

#[cfg(any(feature = "armed", test))]
#[cfg_attr(not(feature = "armed"), expect(dead_code, reason = "of which the tests need the names only"))]
mod armed;

#[cfg(all(feature = "armed", not(debug_assertions)))]
compile_error!("planted bugs are for debug builds: build without `--features planted`, or without `--release`");

/// Something to do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Offsets are committed to the group before the batch is stored, and reading starts from them.
    CommitBeforeStore,
    /// The transaction goes on wherever progress is.
    FenceSkipped,
    /// A record that was read again counts as a duplicate.
    RedeliveredAsDuplicate,
    /// What is no event is left out, and no dead letter.
    PoisonSwallowed,
    /// Progress is written one offset too far.
    NextOffsetOffByOne,
    /// Of a partition that was revoked, the rows of the batch in hand are dropped, and its progress
    /// is moved all the same.
    ProgressPastDropped,
    /// The rows are committed before counters and progress.
    CountersApart,
    /// Publishers are told "kept" before the log has said so.
    AckBeforeReport,
    /// Reading starts at the group's offset, and nobody compares it with progress.
    StartAtGroupOffset,
    /// A verdict goes by the record's position, whatever its key.
    VerdictByPosition,
    /// The recent keys are never forgotten.
    RecentKeysKept,
    /// A transaction in which a statement failed is committed, and taken for done.
    FailedTransactionCommitted,
    /// Without room for a whole request, a part of it is appended, and the answer is 429.
    HalfRequestOn429,
    /// Another payload under the same id counts as a duplicate.
    ConflictAsDuplicate,
    /// The record that was stored last is not read again, and compared with nothing.
    WitnessNotCompared,
    /// A record that was read again and has left no trace is another log's, whatever is known of the log.
    MissingTraceIsAnotherLog,
    /// Whatever lies at the position of a record that was read again is taken for its trace.
    TraceByPosition,
    /// A log that seems cut or trimmed at one look is believed to be.
    OneLookIsBelieved,
    /// One partition that the broker has nothing of starts all of them anew, at once.
    OutOfRangeRestartsAll,
    /// A log that gets an id is taken for the one that had none, whatever its records are.
    IdAdoptedUnseen,
    /// Events go to as many partitions as the broker has, whatever the log was laid out in.
    BrokerCountDecides,
    /// An api that is told a position below what was stored tells nobody.
    SuspicionKeptBack,
    /// Any copy of the database is taken for the one that is worked with.
    CopyNotNoticed,
}

/// Where a panic can be planted: a place of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The thread that the process began with, with all settings at hand.
    Main,
    /// A task of the api that nobody awaits.
    Watch,
    /// What answers a request.
    Handler,
    /// What reads a large body, on a thread for that.
    Body,
    /// The producer's thread, inside a delivery report.
    Report,
    /// The thread of the client that asks about the log.
    LogClient,
    /// The consumer's thread that polls.
    Poll,
    /// A task of the consumer that stores.
    Writer,
}

/// What a variable names is nothing that can be planted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unknown(String);

/// Whether this bug is switched on.
#[cfg(feature = "armed")]
#[must_use]
pub fn on(bug: Bug) -> bool {
    armed::planted() == Some(bug)
}

/// Whether this bug is switched on: never, in this build.
#[cfg(not(feature = "armed"))]
#[must_use]
#[inline(always)]
#[expect(clippy::inline_always, reason = "so that nothing of a bug is left, whatever the optimisation")]
pub const fn on(_: Bug) -> bool {
    false
}

/// Panics if that is planted here, and says all that is at hand: the worst that a panic may say.
#[cfg(feature = "armed")]
#[track_caller]
pub fn panic_at(place: Place, at_hand: &dyn std::fmt::Debug) {
    assert!(armed::panicking() != Some(place), "planted, with {at_hand:?}");
}

/// Panics if that is planted here: never, in this build.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn panic_at(_: Place, _: &dyn std::fmt::Debug) {}

/// To be called at start-up: says what is planted, and refuses a name that means nothing.
#[cfg(feature = "armed")]
pub fn announce() -> Result<(), Unknown> {
    armed::announce().map_err(Unknown)
}

/// To be called at start-up: there is nothing to say, in this build.
#[cfg(not(feature = "armed"))]
pub const fn announce() -> Result<(), Unknown> {
    Ok(())
}
