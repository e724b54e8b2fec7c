//! What can be planted.

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
    /// A partition that stands still is never said to.
    StandstillUnseen,
    /// Offsets behind an open transaction count as pending.
    PendingToTheEnd,
    /// An offset that can't be read is taken for one that holds no record.
    UnreadableIsAGap,
    /// What one client can't read is skipped, whatever another can.
    UnreadableSkippedAtOnce,
    /// A dead letter that is refused loses its bytes, whatever else is refused.
    BytesLeftOutAtOnce,
    /// The broker may answer with as much as it likes.
    AnswersOfAnySize,
    /// Large requests leave nothing of a budget to small ones.
    NoRoomForSmall,
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
