//! The totals of `/stats`, put together from the database's counters and the log's ends: plain
//! data in, plain data out.
//!
//! The ends are read *before* the counters. So what is stored in between is at worst counted as
//! stored, never as pending too, and `received` never goes back.

use std::collections::HashMap;

use broker::Watermarks;
use store::counts::Summary;

use crate::planted;

/// How many records the log has held, as far as they can be read, and what became of them. Always
/// `received = unique_processed + duplicate_dropped + dead_letters + skipped + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatsTotals {
    pub(crate) received: i64,
    pub(crate) unique_processed: i64,
    pub(crate) duplicate_dropped: i64,
    pub(crate) conflicts: i64,
    pub(crate) dead_letters: i64,
    pub(crate) skipped: i64,
    pub(crate) redelivered: i64,
    pub(crate) pending: i64,
    /// In none of the others: they lie behind an open transaction.
    pub(crate) behind_open_transactions: i64,
}

impl StatsTotals {
    /// The totals of all logs, and what the current one still holds for the consumer.
    pub(crate) fn new(summary: &Summary, marks: &[Watermarks]) -> StatsTotals {
        let Ahead { pending, trimmed, behind } = ahead(&summary.next_offsets, marks);
        let totals = &summary.totals;
        let skipped = totals.skipped + trimmed;
        StatsTotals {
            received: totals.consumed + skipped + pending,
            unique_processed: totals.stored,
            duplicate_dropped: totals.duplicates + totals.conflicts,
            conflicts: totals.conflicts,
            dead_letters: totals.dead_letters,
            skipped,
            redelivered: totals.redelivered,
            pending,
            behind_open_transactions: behind,
        }
    }
}

/// What of the log is not stored.
#[derive(Default)]
struct Ahead {
    pending: i64,
    /// It was lost before it was stored: the consumer will count it as skipped, and until then nothing else does.
    trimmed: i64,
    /// It can't be read before a transaction ends.
    behind: i64,
}

fn ahead(next_offsets: &[(i32, i64)], marks: &[Watermarks]) -> Ahead {
    let next_offsets: HashMap<i32, i64> = next_offsets.iter().copied().collect();
    let mut ahead = Ahead::default();
    for mark in marks {
        let next_offset = next_offsets.get(&mark.partition).copied().unwrap_or(mark.low);
        let (from, stable) = (next_offset.max(mark.low), planted::stable(mark));
        ahead.pending += (stable - from).max(0);
        ahead.trimmed += (mark.low - next_offset).max(0);
        ahead.behind += (mark.high - stable.max(from)).max(0);
    }
    ahead
}

#[cfg(test)]
mod tests {
    use store::counts::Totals;

    use super::*;

    fn mark(partition: i32, low: i64, high: i64) -> Watermarks {
        Watermarks { partition, low, stable: high, high }
    }

    fn summary(next_offsets: &[(i32, i64)]) -> Summary {
        let totals = Totals {
            consumed: 100,
            stored: 70,
            duplicates: 20,
            conflicts: 6,
            dead_letters: 4,
            skipped: 5,
            redelivered: 33,
        };
        Summary { totals, next_offsets: next_offsets.to_vec(), ..Summary::default() }
    }

    fn adds_up(totals: &StatsTotals) -> bool {
        let StatsTotals { received, unique_processed, duplicate_dropped, dead_letters, skipped, pending, .. } = *totals;
        received == unique_processed + duplicate_dropped + dead_letters + skipped + pending
    }

    #[test]
    fn every_record_is_in_exactly_one_figure() {
        let totals = StatsTotals::new(&summary(&[(0, 60), (1, 45)]), &[mark(0, 0, 60), mark(1, 0, 52)]);

        assert!(adds_up(&totals));
        assert_eq!((totals.received, totals.pending), (112, 7));
        assert_eq!((totals.duplicate_dropped, totals.conflicts), (26, 6));
        assert_eq!(totals.redelivered, 33);
    }

    #[test]
    fn a_partition_without_progress_is_pending_from_its_low_watermark() {
        let totals = StatsTotals::new(&summary(&[]), &[mark(0, 10, 25)]);

        assert!(adds_up(&totals));
        assert_eq!(totals.pending, 15);
    }

    #[test]
    fn what_was_stored_after_the_watermarks_were_read_is_not_pending() {
        let totals = StatsTotals::new(&summary(&[(0, 30)]), &[mark(0, 0, 20)]);

        assert!(adds_up(&totals));
        assert_eq!(totals.pending, 0);
    }

    #[test]
    fn records_trimmed_unread_stay_received() {
        let before = StatsTotals::new(&summary(&[(0, 30)]), &[mark(0, 0, 90)]);
        let after = StatsTotals::new(&summary(&[(0, 30)]), &[mark(0, 50, 90)]);

        assert!(adds_up(&after));
        assert_eq!(before.received, after.received);
        assert_eq!((after.pending, after.skipped - before.skipped), (40, 20));
    }

    #[test]
    fn what_lies_behind_an_open_transaction_is_not_pending() {
        let marks = [Watermarks { partition: 0, low: 0, stable: 40, high: 90 }];
        let totals = StatsTotals::new(&summary(&[(0, 30)]), &marks);

        assert!(adds_up(&totals));
        assert_eq!((totals.pending, totals.behind_open_transactions), (10, 50));
        let later = StatsTotals::new(&summary(&[(0, 60)]), &marks);
        assert_eq!((later.pending, later.behind_open_transactions), (0, 30), "it has ended since");
    }

    #[test]
    fn without_watermarks_nothing_is_pending() {
        let totals = StatsTotals::new(&summary(&[(0, 30)]), &[]);

        assert!(adds_up(&totals));
        assert_eq!(totals.received, 105);
    }
}
