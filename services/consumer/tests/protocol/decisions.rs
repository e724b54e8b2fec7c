//! What is decided, as functions that can be exchanged.

use consumer::batching::batcher;
use consumer::policy::{self, Arrival, Known, Move, Next, Start};
use consumer::reading::gap_detector::GapDetector;
use store::dedup::{self, Disposition, Outcome};
use store::recent::{Fingerprints, Recent};
use store::{AppendError, Batch, Witness};

/// A bad habit of the shell, for the checker to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Recent keys survive a connection and a failed transaction.
    KeepsKeys,
    /// The group's offset is committed before the transaction.
    TellsFirst,
    /// A start asks the broker for the watermarks before the database for progress.
    AsksTheBrokerFirst,
    /// A gap drops what was taken in before it.
    DropsBeforeGap,
    /// What an api suspects is not read.
    IgnoresSuspicions,
}

/// Every decision of the protocol.
#[derive(Clone, Copy)]
pub(crate) struct Decisions {
    // The product's own code.
    pub(crate) start: fn(Known) -> Start,
    pub(crate) record: fn(&mut GapDetector, i64, Option<bool>) -> Arrival,
    pub(crate) is_same_record: fn(&Witness, &Witness) -> bool,
    pub(crate) has_drifted: fn(i64, Option<i64>) -> bool,
    pub(crate) after: fn(&AppendError, &[Move], usize, bool) -> Next,
    pub(crate) classify: fn(&Batch, &Recent, &Fingerprints) -> Vec<Disposition>,
    pub(crate) resolve: fn(&[Disposition], &[Outcome]) -> Vec<Outcome>,
    /// Whether a part of a batch is whole: offsets that it counts as skipped, offsets that were
    /// believed to be empty.
    pub(crate) is_whole: fn(i64, i64) -> bool,
    /// Where a batch moves progress to: cursor, expected.
    pub(crate) end_offset: fn(i64, i64) -> i64,
    // The database's and the shell's, said again.
    /// Whether a transaction that expects this may go on: expected, found, in doubt.
    pub(crate) fence_holds: fn(i64, Option<i64>, bool) -> bool,
    /// Whether an event is inserted, given that its id has a row.
    pub(crate) inserts: fn(bool) -> bool,
    /// Whether a record without a trace at this offset was deleted: vouched below, offset.
    pub(crate) vouches: fn(i64, i64) -> bool,
    /// What the shell does wrong, if anything.
    pub(crate) habit: Option<Habit>,
}

/// What the product does.
pub(crate) const REAL: Decisions = Decisions {
    start: policy::start,
    record: GapDetector::record,
    is_same_record: policy::is_same_record,
    has_drifted: policy::has_drifted,
    after: policy::after,
    classify: dedup::classify,
    resolve: dedup::resolve,
    is_whole: policy::is_whole,
    end_offset: policy::end_offset,
    fence_holds: |expected, found, _| found == Some(expected),
    inserts: |has_row| !has_row,
    vouches: |vouched_below, offset| offset < vouched_below,
    habit: None,
};

impl Decisions {
    /// Those that the product's partitions make.
    pub(crate) fn of_partitions(&self) -> batcher::Decisions {
        let Decisions { record, is_same_record, end_offset, is_whole, has_drifted, .. } = *self;
        batcher::Decisions { record, is_same_record, end_offset, is_whole, has_drifted }
    }

    pub(crate) fn have(&self, habit: Habit) -> bool {
        self.habit == Some(habit)
    }
}
