//! Every decision of the consumer: plain data in, plain data out. Threads and sockets are its shell.

use std::time::Duration;

use store::{AppendError, Found, LastStored, Witness};

/// What is known about a partition when reading is to begin. Progress is read *before* the
/// watermarks: read after them, a log that has grown meanwhile could seem cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The lowest offset that the log still has.
    pub low: i64,
    /// The offset that the next record will get.
    pub high: i64,
    /// What the group has committed, if anything.
    pub committed: Option<i64>,
    /// What the database has stored up to, if it knows the partition.
    pub next: Option<i64>,
    /// The last record that was stored, if it was kept.
    pub witness: Option<Witness>,
    /// Where counting began, if no record was counted yet.
    pub first: Option<i64>,
    /// The lowest offset that a new record got although it lies below `next`, if an api has met one.
    pub suspected: Option<i64>,
    /// What the first of two looks showed; none at the first.
    pub seen: Option<Seen>,
}

/// What the first look at a partition showed where one look is no proof: a broker that has just come back,
/// or a replica that has fallen behind, says so and takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// The log ends below what was stored from it.
    Short {
        /// Where it ends.
        high: i64,
    },
    /// The log begins above what was stored from it, which may be nothing.
    Trimmed {
        /// Where it begins.
        low: i64,
    },
}

impl Seen {
    fn end(self) -> Option<i64> {
        match self {
            Seen::Short { high } => Some(high),
            Seen::Trimmed { .. } => None,
        }
    }
}

/// Where to read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The database knows nothing of the partition: count from the beginning of the log. A group
    /// offset alone never decides, it may come from another database.
    Begin {
        /// The lowest offset there is.
        at: i64,
    },
    /// Read the witness, if there is one, and from `at` on; what lies below `next` is redelivered.
    Resume {
        /// At most `next`: the group's offset can only make us read more, never less.
        at: i64,
        /// What the fence expects.
        next: i64,
        /// The record that the log has to show before anything above it is taken in.
        witness: Option<Witness>,
        /// What is looked into by reading from `at`.
        suspected: Option<i64>,
    },
    /// Records from `next` up to `low` were deleted before they were read.
    Trimmed {
        /// What the fence expects.
        next: i64,
        /// Where the log begins now.
        low: i64,
    },
    /// The log ends below what was stored from it: it is another log.
    AnotherLog,
    /// Not yet: look a second time, [`LOOK_AGAIN_AFTER`] this one.
    LookAgain(Seen),
}

/// Between the two looks that it takes to believe that a log was cut or trimmed.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Decides where to read from.
#[must_use]
pub fn start(known: Known) -> Start {
    let Known { low, high, committed, next, witness, first, suspected, seen } = known;
    let stored = next.unwrap_or(0);
    match (seen, next) {
        (Some(Seen::Short { .. }), _) if high < stored => Start::AnotherLog,
        (_, _) if high < stored => Start::LookAgain(Seen::Short { high }),
        // Of two beginnings the lower one: nothing is lost by reading what is not there.
        (Some(Seen::Trimmed { low: at_first }), Some(next)) if low > next => {
            Start::Trimmed { next, low: low.min(at_first) }
        }
        (Some(Seen::Trimmed { low: at_first }), None) => Start::Begin { at: low.min(at_first) },
        _ if low > stored => Start::LookAgain(Seen::Trimmed { low }),
        (_, None) => Start::Begin { at: low },
        (seen, Some(next)) => {
            // What lies above the witness was empty when it was read; if it is not, the log is another one.
            let trimmed_witness = witness.filter(|witness| witness.offset < low).map(|witness| witness.offset);
            // A log that seemed cut a moment ago may have been, and filled since: what is there is read again.
            let filled_from = seen.and_then(Seen::end);
            let known_ends = [committed, first, suspected, trimmed_witness, filled_from];
            let at = known_ends.into_iter().flatten().fold(next, i64::min).max(low);
            Start::Resume { at, next, witness: witness.filter(|witness| witness.offset >= low), suspected }
        }
    }
}

/// How long a partition waits for its next start that was out of range for the `times`th time without a
/// record in between. The first time it does not wait: the log may have been cut, and is being filled.
#[must_use]
pub fn pause(times: u32) -> Duration {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(30);
    match times {
        0 | 1 => Duration::ZERO,
        _ => FIRST.saturating_mul(1 << (times - 2).min(10)).min(LONGEST),
    }
}

/// Whether the log holds the record that was stored. Offset and epoch alone are repeated by a broker that was
/// put back to an older state; the same record may come again after a tail was lost, but under a later leader.
#[must_use]
pub fn is_same_record(kept: &Witness, found: &Witness) -> bool {
    let epochs = kept.leader_epoch.zip(found.leader_epoch);
    (kept.offset, kept.hash) == (found.offset, found.hash) && epochs.is_none_or(|(kept, found)| kept == found)
}

/// What a log shows where a partition's last record was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What is known of the record that was stored.
    pub kept: LastStored,
    /// The lowest offset that the partition still has.
    pub low: i64,
    /// The same of the record that lies at that offset now, if one does.
    pub found: Option<LastStored>,
}

impl Shown {
    fn is_same(&self) -> bool {
        match (&self.kept, &self.found) {
            (LastStored::Witness(kept), Some(LastStored::Witness(found))) => is_same_record(kept, found),
            (kept, found) => Some(kept) == found.as_ref(),
        }
    }
}

/// Whether a log that has an id now is the one that was stored before it had one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Each partition's last record is where it was, but for those that retention has taken; and at least one is.
    Same,
    /// At least one is not.
    Another,
    /// There is none to compare: nothing is kept of any, or retention has taken them all.
    Nothing,
}

/// What the log's records say.
#[must_use]
pub fn prove(shown: &[Shown]) -> Proof {
    let mut left = shown.iter().filter(|one| one.kept.offset() >= one.low).peekable();
    if left.peek().is_none() {
        Proof::Nothing
    } else if left.all(Shown::is_same) {
        Proof::Same
    } else {
        Proof::Another
    }
}

/// What a record's offset, or the end of the log, means for the record that should have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the next one, or what lies between is known to be empty.
    Take,
    /// Records seem to be missing: read again from where they should be, once, before believing it.
    ReadAgain {
        /// The offset that should have come.
        from: i64,
    },
    /// It goes into no batch: it was handed over already, or was read only to be compared.
    Ignore,
    /// Twice the log did not show the record that was stored last: it is another one.
    AnotherLog,
}

/// A gap in the offsets that was seen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// The first missing offset.
    pub from: i64,
    /// The offset that came instead.
    pub to: i64,
}

/// Decides on the arrival of `offset` where `cursor` should have come. `suspected`: the gap that
/// has been read again already. `empty_below`: what lies below is known to be empty or stored.
#[must_use]
pub fn arrival(cursor: i64, offset: i64, suspected: Option<Gap>, empty_below: i64) -> Arrival {
    if offset < cursor {
        Arrival::Ignore
    } else if offset == cursor || offset <= empty_below || suspected == Some(Gap { from: cursor, to: offset }) {
        Arrival::Take
    } else {
        Arrival::ReadAgain { from: cursor }
    }
}

/// Where a part of a batch moves progress to. `cursor`: everything below was taken in or is known to be
/// empty. Redelivered records alone leave the fence where it is.
#[must_use]
pub fn end_offset(cursor: i64, expected: i64) -> i64 {
    cursor.max(expected)
}

/// Whether no record is missing in a part of a batch: offsets that it counts as skipped, and those of
/// them that were believed to be empty.
#[must_use]
pub fn is_whole(skipped: i64, empty: i64) -> bool {
    skipped == empty
}

/// Whether progress is still where we left it. If not, the partition starts anew: a database that is
/// ahead was written by another consumer, one that is behind is another copy of the database.
#[must_use]
pub fn has_drifted(believed: i64, found: Option<i64>) -> bool {
    found != Some(believed)
}

/// What to do after a transaction did not happen, or may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has happened after all.
    Committed,
    /// These partitions start anew; the rest of the batch is brought again.
    Restart(Vec<i32>),
    /// The log is another one: open its next incarnation, start everything anew.
    NextIncarnation,
    /// Bring both halves, one after the other.
    Halve,
    /// If a good row goes in now, bring the record again, and if it is refused again and a good row goes
    /// in again, it alone is to blame: make it a dead letter. If no good row goes in, [`Next::Wait`].
    Blame(String),
    /// Bring the same batch again over the same connection, after a pause.
    Again,
    /// Bring the same batch again over a new connection, after a pause.
    Wait,
    /// As [`Next::Wait`], and it is not known whether the transaction has happened.
    WaitInDoubt,
}

/// A slice of the batch that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The Kafka partition.
    pub partition: i32,
    /// Where the fence was expected.
    pub expected: i64,
    /// Where it was to go.
    pub end_offset: i64,
}

/// Decides what follows from a failure. `in_doubt`: the COMMIT of an earlier try of this batch was
/// never answered.
#[must_use]
pub fn after(failure: &AppendError, moves: &[Move], records: usize, in_doubt: bool) -> Next {
    match failure {
        AppendError::FenceMiss(found) => after_fence_miss(found, moves, in_doubt),
        AppendError::AnotherLog { .. } => Next::NextIncarnation,
        AppendError::Refused { .. } | AppendError::TooSlow if records > 1 || moves.len() > 1 => Next::Halve,
        AppendError::Refused { code, message } => Next::Blame(format!("PostgreSQL refuses it: {message} ({code})")),
        AppendError::Again(_) => Next::Again,
        AppendError::TooSlow
        | AppendError::Environment(_)
        | AppendError::Locked(_)
        | AppendError::Inconsistent(_)
        | AppendError::NotConnected => Next::Wait,
        AppendError::Unknown(_) => Next::WaitInDoubt,
    }
}

/// All slices commit together. So if every fence stands where this batch would have put it, and its
/// COMMIT was never answered, it has happened.
fn after_fence_miss(found: &[Found], moves: &[Move], in_doubt: bool) -> Next {
    let at = |partition| found.iter().find(|found| found.partition == partition).and_then(|found| found.next_offset);
    if in_doubt && moves.iter().all(|m| at(m.partition) == Some(m.end_offset)) {
        return Next::Committed;
    }
    let drifted = moves.iter().filter(|m| has_drifted(m.expected, at(m.partition)));
    Next::Restart(drifted.map(|m| m.partition).collect())
}

#[cfg(test)]
mod tests;
