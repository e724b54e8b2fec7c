//! The figures of `/stats`, put together from the database's counters and the log's ends: plain
//! data in, plain data out.
//!
//! The ends are read *before* the counters. So what is stored in between is at worst counted as
//! stored, never as pending too, and `received` never goes back.

use std::collections::HashMap;

use broker::Watermarks;
use store::counts::Summary;

/// How many records the log has held, and what became of them. Always
/// `received = unique_processed + duplicate_dropped + dead_letters + skipped + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) received: i64,
    pub(crate) unique_processed: i64,
    pub(crate) duplicate_dropped: i64,
    pub(crate) conflicts: i64,
    pub(crate) dead_letters: i64,
    pub(crate) skipped: i64,
    pub(crate) redelivered: i64,
    pub(crate) pending: i64,
}

impl Figures {
    /// The figures of all logs, and what the current one still holds for the consumer.
    pub(crate) fn new(summary: &Summary, marks: &[Watermarks]) -> Figures {
        let (pending, trimmed) = ahead(&summary.next_offsets, marks);
        let totals = &summary.totals;
        let skipped = totals.skipped + trimmed;
        Figures {
            received: totals.consumed + skipped + pending,
            unique_processed: totals.stored,
            duplicate_dropped: totals.duplicates + totals.conflicts,
            conflicts: totals.conflicts,
            dead_letters: totals.dead_letters,
            skipped,
            redelivered: totals.redelivered,
            pending,
        }
    }
}

/// Records that the log holds and that are not stored yet, and those that it lost before they were:
/// the consumer will count these as skipped, and until then nothing else does.
fn ahead(next_offsets: &[(i32, i64)], marks: &[Watermarks]) -> (i64, i64) {
    let next_offsets: HashMap<i32, i64> = next_offsets.iter().copied().collect();
    let (mut pending, mut trimmed) = (0, 0);
    for mark in marks {
        let next_offset = next_offsets.get(&mark.partition).copied().unwrap_or(mark.low);
        pending += (mark.high - next_offset.max(mark.low)).max(0);
        trimmed += (mark.low - next_offset).max(0);
    }
    (pending, trimmed)
}

/// As people say it: `1h 0m 0s`.
pub(crate) fn human(seconds: u64) -> String {
    format!("{}h {}m {}s", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use store::counts::Totals;

    use super::*;

    fn mark(partition: i32, low: i64, high: i64) -> Watermarks {
        Watermarks { partition, low, high }
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

    fn adds_up(figures: &Figures) -> bool {
        let Figures { received, unique_processed, duplicate_dropped, dead_letters, skipped, pending, .. } = *figures;
        received == unique_processed + duplicate_dropped + dead_letters + skipped + pending
    }

    #[test]
    fn every_record_is_in_exactly_one_figure() {
        let figures = Figures::new(&summary(&[(0, 60), (1, 45)]), &[mark(0, 0, 60), mark(1, 0, 52)]);

        assert!(adds_up(&figures));
        assert_eq!((figures.received, figures.pending), (112, 7));
        assert_eq!((figures.duplicate_dropped, figures.conflicts), (26, 6));
        assert_eq!(figures.redelivered, 33);
    }

    #[test]
    fn a_partition_without_progress_is_pending_from_its_low_watermark() {
        let figures = Figures::new(&summary(&[]), &[mark(0, 10, 25)]);

        assert!(adds_up(&figures));
        assert_eq!(figures.pending, 15);
    }

    #[test]
    fn what_was_stored_after_the_watermarks_were_read_is_not_pending() {
        let figures = Figures::new(&summary(&[(0, 30)]), &[mark(0, 0, 20)]);

        assert!(adds_up(&figures));
        assert_eq!(figures.pending, 0);
    }

    #[test]
    fn records_trimmed_unread_stay_received() {
        let before = Figures::new(&summary(&[(0, 30)]), &[mark(0, 0, 90)]);
        let after = Figures::new(&summary(&[(0, 30)]), &[mark(0, 50, 90)]);

        assert!(adds_up(&after));
        assert_eq!(before.received, after.received);
        assert_eq!((after.pending, after.skipped - before.skipped), (40, 20));
    }

    #[test]
    fn without_watermarks_nothing_is_pending() {
        let figures = Figures::new(&summary(&[(0, 30)]), &[]);

        assert!(adds_up(&figures));
        assert_eq!(figures.received, 105);
    }

    #[test]
    fn uptime_is_written_as_people_say_it() {
        assert_eq!(human(0), "0h 0m 0s");
        assert_eq!(human(3_600), "1h 0m 0s");
        assert_eq!(human(90_061), "25h 1m 1s");
    }
}
