//! One partition's records on their way into a batch: pure.

use crate::decide::{Arrival, Gap, arrival};

/// Where a partition stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intake {
    /// The number of the beginning that counting began with: what has been taken in since then holds,
    /// however often reading was started again behind it.
    pub since: u64,
    /// The reader's start that is being read under; none until the reader has named it.
    pub epoch: Option<u64>,
    /// What the database has stored up to, as far as we know: what the fence will expect.
    pub believed: i64,
    /// The offset that should come next.
    cursor: i64,
    /// Up to where missing offsets are no surprise; never below the cursor.
    empty_below: i64,
    /// A gap that begins at the cursor.
    suspected: Option<Gap>,
    /// Offsets at or above the fence that were passed over as empty and not handed over yet.
    empty: i64,
}

impl Intake {
    /// Reading begins at `at`, with the fence at `believed`; below `empty_below` the log is known to be
    /// trimmed.
    #[must_use]
    pub fn new(since: u64, at: i64, believed: i64, empty_below: i64) -> Self {
        let empty = (at - believed).max(0);
        let empty_below = empty_below.max(believed).max(at);
        Intake { since, epoch: None, believed, cursor: at, empty_below, suspected: None, empty }
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

    /// Whether `offset` belongs into the next batch; if so it has been taken in.
    pub fn record(&mut self, offset: i64) -> Arrival {
        let arrival = self.arrive(offset);
        if arrival == Arrival::Take {
            self.pass_over(offset);
            self.go_to(offset + 1);
        }
        arrival
    }

    /// The end of the log at `position`.
    pub fn end(&mut self, position: i64) -> Arrival {
        let arrival = self.arrive(position);
        if arrival == Arrival::Take {
            self.pass_over(position);
            self.go_to(position);
        }
        arrival
    }

    /// Reading is to be started again at the cursor. What was taken in before stays taken in, and what
    /// the reader still brings of before is thrown away.
    pub fn read_again(&mut self) {
        self.epoch = None;
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
            self.suspected = None;
        }
        self.cursor = cursor;
        self.empty_below = self.empty_below.max(cursor);
    }

    fn pass_over(&mut self, upto: i64) {
        self.empty += (upto - self.cursor.max(self.believed)).max(0);
    }

    fn arrive(&mut self, offset: i64) -> Arrival {
        let arrival = arrival(self.cursor, offset, self.suspected, self.empty_below);
        if let Arrival::ReadAgain { from } = arrival {
            self.suspected = Some(Gap { from, to: offset });
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_in_order_are_taken() {
        let mut intake = Intake::new(1, 5, 5, 0);
        assert_eq!(intake.record(5), Arrival::Take);
        assert_eq!(intake.record(6), Arrival::Take);
        assert_eq!(intake.cursor(), 7);
    }

    #[test]
    fn a_marker_at_the_end_is_believed_when_it_is_seen_twice() {
        let mut intake = Intake::new(1, 5, 5, 0);
        assert_eq!(intake.record(5), Arrival::Take);
        assert_eq!(intake.end(6), Arrival::Take, "nothing is missing");
        assert_eq!(intake.end(7), Arrival::ReadAgain { from: 6 });
        intake.read_again();
        assert_eq!(intake.end(7), Arrival::Take);
        assert_eq!(intake.cursor(), 7);
    }

    #[test]
    fn reading_again_behind_a_gap_keeps_what_was_taken_in_before_it() {
        let mut intake = Intake::new(1, 5, 5, 0);
        assert_eq!(intake.record(5), Arrival::Take);
        assert_eq!(intake.record(8), Arrival::ReadAgain { from: 6 });
        intake.read_again();
        assert_eq!(intake.since, 1, "the batch with record 5 is still of this start: dropping it would lose it");
        assert!(!intake.is_read_under(1), "what was fetched before the second start is thrown away");
        intake.reading(2);
        assert!(intake.is_read_under(2));
    }

    #[test]
    fn only_what_was_believed_to_be_empty_is_handed_over_as_empty() {
        let mut intake = Intake::new(1, 2, 5, 0);
        assert_eq!(intake.record(4), Arrival::Take, "below the fence nothing is counted");
        assert_eq!(intake.record(5), Arrival::Take);
        assert_eq!(intake.record(8), Arrival::ReadAgain { from: 6 });
        assert_eq!(intake.hand_over(), 0);
        intake.read_again();
        assert_eq!(intake.record(8), Arrival::Take);
        assert_eq!(intake.end(9), Arrival::Take);
        assert_eq!(intake.hand_over(), 2);
        assert_eq!(intake.hand_over(), 0, "once");
    }

    #[test]
    fn a_trimmed_beginning_lags_before_anything_arrives() {
        let mut intake = Intake::new(1, 50, 40, 50);
        assert!(intake.lags());
        assert_eq!(intake.hand_over(), 10);
        assert!(!Intake::new(1, 30, 40, 40).lags(), "what is read again does not");
    }

    #[test]
    fn a_gap_that_turns_out_to_hold_records_is_not_a_gap() {
        let mut intake = Intake::new(1, 5, 5, 0);
        assert_eq!(intake.record(8), Arrival::ReadAgain { from: 5 });
        intake.read_again();
        assert_eq!(intake.record(5), Arrival::Take);
        assert_eq!(intake.record(6), Arrival::Take);
    }

    #[test]
    fn gaps_below_the_fence_are_nobodys_business() {
        let mut intake = Intake::new(1, 2, 10, 0);
        assert_eq!(intake.record(4), Arrival::Take);
        assert_eq!(intake.record(10), Arrival::Take);
    }
}
