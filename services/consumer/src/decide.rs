//! Every decision of the consumer: plain data in, plain data out. Threads and sockets are its shell.

use store::{AppendError, Found};

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
    /// Read from `at`; what lies below `next` is redelivered.
    Resume {
        /// At most `next`: the group's offset can only make us read more, never less.
        at: i64,
        /// What the fence expects.
        next: i64,
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
}

/// Decides where to read from.
#[must_use]
pub fn start(known: Known) -> Start {
    let Known { low, high, committed, next } = known;
    match next {
        None => Start::Begin { at: low },
        Some(next) if high < next => Start::AnotherLog,
        Some(next) if low > next => Start::Trimmed { next, low },
        Some(next) => Start::Resume { at: committed.map_or(next, |offset| offset.min(next)).max(low), next },
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
    /// It was handed over already.
    Ignore,
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
pub fn upto(cursor: i64, expected: i64) -> i64 {
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
    /// The log is another one: open its next life, start everything anew.
    NextLife,
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
    pub upto: i64,
}

/// Decides what follows from a failure. `in_doubt`: the COMMIT of an earlier try of this batch was
/// never answered.
#[must_use]
pub fn after(failure: &AppendError, moves: &[Move], records: usize, in_doubt: bool) -> Next {
    match failure {
        AppendError::FenceMiss(found) => after_fence_miss(found, moves, in_doubt),
        AppendError::AnotherLog { .. } => Next::NextLife,
        AppendError::Refused { .. } | AppendError::TooSlow if records > 1 || moves.len() > 1 => Next::Halve,
        AppendError::Refused { code, message } => Next::Blame(format!("PostgreSQL refuses it: {message} ({code})")),
        AppendError::Again(_) => Next::Again,
        AppendError::TooSlow
        | AppendError::Environment(_)
        | AppendError::Inconsistent(_)
        | AppendError::NotConnected => Next::Wait,
        AppendError::Unknown(_) => Next::WaitInDoubt,
    }
}

/// All slices commit together. So if every fence stands where this batch would have put it, and its
/// COMMIT was never answered, it has happened.
fn after_fence_miss(found: &[Found], moves: &[Move], in_doubt: bool) -> Next {
    let at = |partition| found.iter().find(|found| found.partition == partition).and_then(|found| found.next_offset);
    if in_doubt && moves.iter().all(|m| at(m.partition) == Some(m.upto)) {
        return Next::Committed;
    }
    let drifted = moves.iter().filter(|m| has_drifted(m.expected, at(m.partition)));
    Next::Restart(drifted.map(|m| m.partition).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(low: i64, high: i64, committed: Option<i64>, next: Option<i64>) -> Known {
        Known { low, high, committed, next }
    }

    #[test]
    fn a_new_database_begins_where_the_log_begins_whatever_the_group_says() {
        assert_eq!(start(known(5, 100, Some(70), None)), Start::Begin { at: 5 });
    }

    #[test]
    fn a_group_offset_beyond_what_is_stored_loses_nothing() {
        assert_eq!(start(known(0, 100, Some(90), Some(40))), Start::Resume { at: 40, next: 40 });
    }

    #[test]
    fn a_group_offset_behind_means_redelivery() {
        assert_eq!(start(known(0, 100, Some(10), Some(40))), Start::Resume { at: 10, next: 40 });
        assert_eq!(start(known(20, 100, Some(10), Some(40))), Start::Resume { at: 20, next: 40 });
    }

    #[test]
    fn records_deleted_unread_are_noticed() {
        assert_eq!(start(known(50, 100, None, Some(40))), Start::Trimmed { next: 40, low: 50 });
    }

    #[test]
    fn a_log_shorter_than_what_was_stored_is_another_log() {
        assert_eq!(start(known(0, 39, None, Some(40))), Start::AnotherLog);
        assert_eq!(start(known(0, 40, None, Some(40))), Start::Resume { at: 40, next: 40 });
    }

    #[test]
    fn a_gap_is_read_again_once_and_then_believed() {
        assert_eq!(arrival(10, 10, None, 0), Arrival::Take);
        assert_eq!(arrival(10, 9, None, 0), Arrival::Ignore);
        assert_eq!(arrival(10, 12, None, 0), Arrival::ReadAgain { from: 10 });
        assert_eq!(arrival(10, 12, Some(Gap { from: 10, to: 12 }), 0), Arrival::Take);
        assert_eq!(arrival(10, 13, Some(Gap { from: 10, to: 12 }), 0), Arrival::ReadAgain { from: 10 });
        assert_eq!(arrival(10, 12, None, 12), Arrival::Take, "trimmed: known before");
    }

    fn moves() -> Vec<Move> {
        vec![Move { partition: 0, expected: 10, upto: 20 }, Move { partition: 3, expected: 5, upto: 6 }]
    }

    fn miss(first: Option<i64>, second: Option<i64>) -> AppendError {
        AppendError::FenceMiss(vec![
            Found { partition: 0, next_offset: first },
            Found { partition: 3, next_offset: second },
        ])
    }

    #[test]
    fn a_lost_commit_that_happened_is_recognised_by_its_fences() {
        assert_eq!(after(&miss(Some(20), Some(6)), &moves(), 11, true), Next::Committed);
        assert_eq!(after(&miss(Some(20), Some(6)), &moves(), 11, false), Next::Restart(vec![0, 3]));
    }

    #[test]
    fn a_fence_miss_restarts_only_what_moved_ahead_or_behind() {
        assert_eq!(after(&miss(Some(17), Some(5)), &moves(), 11, false), Next::Restart(vec![0]));
        assert_eq!(after(&miss(Some(10), Some(2)), &moves(), 11, true), Next::Restart(vec![3]));
        assert_eq!(after(&miss(None, Some(5)), &moves(), 11, false), Next::Restart(vec![0]));
    }

    #[test]
    fn refused_data_is_halved_until_one_record_is_alone() {
        let refused = AppendError::Refused { code: "22P05".to_owned(), message: "unsupported".to_owned() };
        assert_eq!(after(&refused, &moves()[..1], 2, false), Next::Halve);
        assert_eq!(after(&refused, &moves(), 1, false), Next::Halve, "a slice of mere progress may sit beside it");
        assert!(matches!(after(&refused, &moves()[..1], 1, false), Next::Blame(_)));
        assert_eq!(after(&AppendError::TooSlow, &moves()[..1], 1, false), Next::Wait, "nothing is to blame on time");
    }

    #[test]
    fn what_no_record_is_to_blame_for_is_brought_again_over_a_new_connection() {
        let inconsistent = AppendError::Inconsistent("0 of 1 rows went into events".to_owned());
        for failure in [inconsistent, AppendError::NotConnected] {
            assert_eq!(after(&failure, &moves()[..1], 1, false), Next::Wait, "{failure:?}");
        }
    }

    proptest! {
        /// Whatever the group's offset says, nothing between what is stored and what is read is left out.
        #[test]
        fn nothing_unstored_is_ever_left_out(low in 0i64..50, size in 0i64..50, committed in prop::option::of(0i64..200),
                                             next in prop::option::of(0i64..120)) {
            let high = low + size;
            match start(known(low, high, committed, next)) {
                Start::Begin { at } => { prop_assert_eq!(at, low); prop_assert_eq!(next, None); }
                Start::Resume { at, next: fence } => {
                    prop_assert_eq!(Some(fence), next);
                    prop_assert!(low <= at && at <= fence && fence <= high);
                }
                Start::Trimmed { next: fence, low: begin } => prop_assert!(Some(fence) == next && fence < begin && begin == low),
                Start::AnotherLog => prop_assert!(next.is_some_and(|next| next > high)),
            }
        }
    }
}
