//! One partition's records on their way into a batch: pure.

use store::Witness;

use crate::policy::{Arrival, Gap, arrival};

/// Where reading of a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The first offset that is to be taken in, whatever is read for the sake of the witness.
    pub at: i64,
    /// What the fence will expect.
    pub believed: i64,
    /// Below this offset the log is known to be trimmed.
    pub empty_below: i64,
    /// The record that the log has to show.
    pub witness: Option<Witness>,
    /// What is looked into by reading from `at`.
    pub suspicion: Option<i64>,
}

/// A record that has to be seen before anything above it is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Awaited {
    witness: Witness,
    /// Whether it would be read without being awaited, and so counts as redelivered.
    counts: bool,
    /// Whether another one was found in its place, or none.
    doubted: bool,
}

/// Where a partition stands, and which offsets are missing up to there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GapDetector {
    /// The number of the beginning that counting began with: what has been taken in since then holds,
    /// however often reading was started again behind it.
    pub since: u64,
    /// The reader's start that is being read under; none until the reader has named it.
    pub epoch: Option<u64>,
    /// What the database has stored up to, as far as we know: what the fence will expect.
    pub believed: i64,
    /// The suspicion that reading began with.
    pub suspicion: Option<i64>,
    /// Below this offset a record without a trace is one whose rows were deleted: the witness vouches for it, or
    /// will show that the log is another one before progress moves. Where the log is suspected it does not: it
    /// may have been stored since the log lost its tail.
    pub vouched_below: i64,
    /// The offset that should come next.
    cursor: i64,
    /// Up to where missing offsets are no surprise; never below the cursor.
    empty_below: i64,
    /// A gap that begins at the cursor.
    gap: Option<Gap>,
    awaited: Option<Awaited>,
    /// The last record that was seen, if it is known.
    last: Option<Witness>,
    /// Offsets at or above the fence that were passed over as empty and not handed over yet.
    empty: i64,
    /// Offsets that were passed although they can't be read, and why; not handed over yet.
    unreadable: Vec<(i64, String)>,
    /// Between what lies below and what lies above this offset is something that can't be read: no client reads
    /// both in one stream.
    torn_at: i64,
}

impl GapDetector {
    /// The beginning of this number.
    #[must_use]
    pub fn new(since: u64, beginning: Beginning) -> Self {
        let Beginning { at, believed, empty_below, witness, suspicion } = beginning;
        let vouched_below = witness.map_or(0, |witness| witness.offset + 1).min(suspicion.unwrap_or(i64::MAX));
        let counts = |witness: Witness| at <= witness.offset;
        GapDetector {
            since,
            epoch: None,
            believed,
            suspicion,
            vouched_below,
            cursor: witness.map_or(at, |witness| at.min(witness.offset)),
            empty_below: empty_below.max(believed).max(at),
            gap: None,
            awaited: witness.map(|witness| Awaited { witness, counts: counts(witness), doubted: false }),
            last: None,
            empty: (at - believed).max(0),
            unreadable: Vec::new(),
            torn_at: 0,
        }
    }

    /// The reader has started, and this is the epoch of what it reads.
    pub fn reading(&mut self, epoch: u64) {
        self.epoch = Some(epoch);
    }

    /// Whether what was read in this epoch is to be taken in.
    #[must_use]
    pub fn is_read_under(&self, epoch: u64) -> bool {
        self.epoch == Some(epoch)
    }

    /// The record that is to be compared with what comes at its offset.
    #[must_use]
    pub fn awaits(&self) -> Option<Witness> {
        self.awaited.map(|awaited| awaited.witness)
    }

    /// Whether the record at `offset` belongs into the next batch; if so it has been taken in. `is_same`: at
    /// the witness's offset, whether it is the witness.
    pub fn record(&mut self, offset: i64, is_same: Option<bool>) -> Arrival {
        let mut counts = true;
        if let Some(awaited) = self.awaited.filter(|awaited| awaited.witness.offset <= offset) {
            if is_same != Some(true) {
                return self.doubt(awaited);
            }
            (self.awaited, self.last, counts) = (None, Some(awaited.witness), awaited.counts);
        }
        let arrival = self.arrive(offset);
        if arrival == Arrival::Take {
            self.pass_over(offset);
            self.go_to(offset + 1);
        }
        if counts { arrival } else { Arrival::Ignore }
    }

    /// The end of the log at `position`.
    pub fn end(&mut self, position: i64) -> Arrival {
        if let Some(awaited) = self.awaited.filter(|awaited| awaited.witness.offset < position) {
            return self.doubt(awaited);
        }
        let arrival = self.arrive(position);
        if arrival == Arrival::Take {
            self.pass_over(position);
            self.go_to(position);
        }
        arrival
    }

    /// Another record, or none, where the last one should be: what a client dropped or a wire
    /// damaged is there when it is read again.
    fn doubt(&mut self, awaited: Awaited) -> Arrival {
        self.awaited = Some(Awaited { doubted: true, ..awaited });
        if awaited.doubted { Arrival::AnotherLog } else { Arrival::ReadAgain { from: self.reads_from() } }
    }

    /// The suspicion, if all has been read that it is about.
    #[must_use]
    pub fn settled_suspicion(&self) -> Option<i64> {
        self.suspicion.filter(|_| self.awaited.is_none() && self.cursor >= self.believed)
    }

    /// Reading is to be started again. What was taken in before stays taken in, and what the reader still
    /// brings of before is thrown away. The last record is awaited, as it is at the beginning: nobody has
    /// watched the log meanwhile.
    pub fn read_again(&mut self) {
        self.epoch = None;
        let again = |witness| Awaited { witness, counts: false, doubted: false };
        self.awaited = self.awaited.or(self.last.map(again));
    }

    /// This is the last record that was taken in.
    pub fn has_seen(&mut self, last: Witness) {
        if last.offset >= self.torn_at {
            self.last = Some(last);
        }
    }

    /// What comes next can't be read. If it was stored before, reading goes on behind it: at the last record,
    /// which will show that the log is the same, or behind it. Nothing that is read twice is read for its own
    /// sake, but where the log is suspected.
    pub fn passes_what_is_stored(&mut self) -> bool {
        let behind = match self.awaited {
            Some(awaited) if awaited.witness.offset <= self.cursor => return false,
            Some(awaited) => awaited.witness.offset,
            None => self.believed,
        };
        let passes = self.suspicion.is_none() && behind > self.cursor;
        if passes {
            self.go_on_at(behind);
        }
        passes
    }

    /// What lies at this offset, the next one, can't be read by anybody, and is passed. Where it was taken in or
    /// stored before, it is the last record, which nobody can compare any more.
    pub fn pass(&mut self, at: i64, reason: &str) {
        self.awaited = None;
        if at < self.cursor.max(self.believed) {
            self.go_on_at(self.cursor.max(self.believed));
        } else {
            self.pass_over(at);
            self.unreadable.push((at, reason.to_owned()));
            self.go_on_at(at + 1);
        }
    }

    /// As if no record were there: what a planted bug does.
    pub(crate) fn pass_as_empty(&mut self) {
        self.awaited = None;
        self.pass_over(self.cursor + 1);
        self.go_on_at(self.cursor + 1);
    }

    fn go_on_at(&mut self, cursor: i64) {
        (self.last, self.torn_at) = (None, cursor);
        self.go_to(cursor);
    }

    /// Offsets that were passed although they can't be read, and why. They go into a batch.
    pub fn hand_over_unreadable(&mut self) -> Vec<(i64, String)> {
        std::mem::take(&mut self.unreadable)
    }

    /// Where reading starts: at the record that is awaited, or at the cursor.
    #[must_use]
    pub fn reads_from(&self) -> i64 {
        self.awaited.map_or(self.cursor, |awaited| awaited.witness.offset.min(self.cursor))
    }

    /// What was taken in goes into a batch. Gives how many offsets of it hold no record.
    pub fn hand_over(&mut self) -> i64 {
        std::mem::take(&mut self.empty)
    }

    /// Everything below has been handed to a batch or is known to be empty.
    #[must_use]
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// Whether the log holds nothing more between the fence and the cursor, but the fence has not
    /// moved over it yet.
    #[must_use]
    pub fn lags(&self) -> bool {
        self.cursor > self.believed
    }

    fn go_to(&mut self, cursor: i64) {
        if cursor > self.cursor {
            self.gap = None;
        }
        self.cursor = cursor;
        self.empty_below = self.empty_below.max(cursor);
    }

    fn pass_over(&mut self, end_offset: i64) {
        self.empty += (end_offset - self.cursor.max(self.believed)).max(0);
    }

    fn arrive(&mut self, offset: i64) -> Arrival {
        let arrival = arrival(self.cursor, offset, self.gap, self.empty_below);
        if let Arrival::ReadAgain { from } = arrival {
            self.gap = Some(Gap { from, to: offset });
        }
        arrival
    }
}

#[cfg(test)]
mod tests;
