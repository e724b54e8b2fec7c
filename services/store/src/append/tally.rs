//! What the outcomes of a batch add up to: pure.

use std::collections::BTreeMap;

use crate::batch::Batch;
use crate::dedup::Outcome;

/// What a committed transaction did.
#[derive(Debug, Default)]
pub struct Appended {
    /// The outcome of every entry, in the order of [`Batch::entries`].
    pub outcomes: Vec<Outcome>,
    /// What the counters have grown by, over all partitions.
    pub tally: Tally,
}

/// What a transaction has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// New rows.
    pub stored: i64,
    /// Repeats with an equal payload.
    pub duplicates: i64,
    /// Repeats with another payload.
    pub conflicts: i64,
    /// Records kept in `dead_letters`.
    pub dead_letters: i64,
    /// Records read again; in none of the others.
    pub redelivered: i64,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Stored => &mut self.stored,
            Outcome::Duplicate => &mut self.duplicates,
            Outcome::Conflict => &mut self.conflicts,
            Outcome::DeadLetter => &mut self.dead_letters,
            Outcome::Redelivered => &mut self.redelivered,
        } += 1;
    }

    pub(super) fn plus(self, other: &Tally) -> Tally {
        Tally {
            stored: self.stored + other.stored,
            duplicates: self.duplicates + other.duplicates,
            conflicts: self.conflicts + other.conflicts,
            dead_letters: self.dead_letters + other.dead_letters,
            redelivered: self.redelivered + other.redelivered,
        }
    }
}

/// One tally per slice, in their order.
pub(super) fn by_slice(batch: &Batch, outcomes: &[Outcome]) -> Vec<Tally> {
    let mut outcomes = outcomes.iter();
    let tally = |length| {
        let mut tally = Tally::default();
        outcomes.by_ref().take(length).for_each(|outcome| tally.add(*outcome));
        tally
    };
    batch.slices.iter().map(|slice| slice.entries.len()).map(tally).collect()
}

/// One tally per partition and event topic. Dead letters have no topic.
pub(super) fn by_topic<'a>(batch: &'a Batch, outcomes: &[Outcome]) -> BTreeMap<(i32, &'a str), Tally> {
    let mut tallies: BTreeMap<(i32, &str), Tally> = BTreeMap::new();
    for ((partition, redelivered, entry), outcome) in batch.entries().zip(outcomes) {
        if let (false, Some(event)) = (redelivered, entry.what.event()) {
            tallies.entry((partition, event.topic.as_str())).or_default().add(*outcome);
        }
    }
    tallies
}
