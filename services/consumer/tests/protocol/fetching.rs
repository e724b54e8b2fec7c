//! What the poll thread of a consumer can bring.

use consumer::reading::gap_detector::GapDetector;
use consumer::reading::inbox::Arrived;

use crate::log::{EPOCH, Log, PARTITIONS};

/// How much of a partition arrives at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// What the partition holds now.
    pub(crate) tape: usize,
    pub(crate) high: i64,
    pub(crate) count: usize,
    /// The client leaves the first record out, once.
    pub(crate) missed: bool,
}

impl Fetched {
    /// What arrives, in order.
    pub(crate) fn arrived<'a>(&self, log: &'a Log, detector: &GapDetector) -> impl Iterator<Item = Arrived> + 'a {
        let &Fetched { tape, high, count, missed } = self;
        let items = items(detector, log, tape, high).into_iter().skip(usize::from(missed)).take(count);
        items.map(move |item| item.arrived(log, tape))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Record(i64),
    End(i64),
}

impl Item {
    fn arrived(self, log: &Log, tape: usize) -> Arrived {
        match self {
            Item::Record(offset) => Arrived::Record(log.record(tape, offset)),
            Item::End(position) => Arrived::End { partition: (tape % PARTITIONS) as i32, epoch: EPOCH, position },
        }
    }
}

/// Whether the log begins above what is to be read, or ends below.
pub(crate) fn is_out_of_range(detector: &GapDetector, (low, high): (i64, i64)) -> bool {
    !(low..=high).contains(&detector.reads_from())
}

/// How many things can be read now. The end counts only where it says something new.
pub(crate) fn available(detector: &GapDetector, log: &Log, tape: usize, high: i64) -> usize {
    items(detector, log, tape, high).len()
}

fn items(detector: &GapDetector, log: &Log, tape: usize, high: i64) -> Vec<Item> {
    let from = detector.reads_from();
    let mut items: Vec<Item> = log.records(tape, from, high).map(Item::Record).collect();
    let next =
        log.records(tape, from, high).last().map_or(detector.cursor(), |offset| (offset + 1).max(detector.cursor()));
    if next < high {
        items.push(Item::End(high));
    }
    items
}
