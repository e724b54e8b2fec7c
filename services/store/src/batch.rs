//! What a transaction is asked to store: records in log order.

use event::Event;

use crate::logs::LogId;
use crate::witness::Witness;

/// Consecutive records of some partitions of one log, to be stored by one transaction.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The incarnation of the Kafka topic that the positions belong to.
    pub log_id: LogId,
    /// At most one per partition, ordered by partition: the fence locks in this order.
    pub slices: Vec<Slice>,
}

/// One partition's part: the transaction moves its progress from `expected` to `end_offset`.
///
/// Offsets in `expected..end_offset` without an entry are counted as skipped: the log holds nothing there.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The Kafka partition.
    pub partition: i32,
    /// What `progress.next_offset` must be for the transaction to hold.
    pub expected: i64,
    /// What it becomes. Above every entry's offset, and at least `expected`.
    pub end_offset: i64,
    /// Ascending by offset. Those below `expected` are redelivered: verified, never stored again.
    pub entries: Vec<Entry>,
    /// The last entry that is not redelivered, for those who read on from here. Without one the witness of
    /// before stays.
    pub witness: Option<Witness>,
    /// Below this offset the log is known to be the one that was stored, or is about to be: what has left no
    /// trace there was taken away on purpose.
    pub vouched_below: i64,
}

/// One record.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its offset in the partition.
    pub offset: i64,
    /// What it holds.
    pub what: What,
}

/// What a record holds.
#[derive(Clone, Debug)]
pub enum What {
    /// An event.
    Event(Event),
    /// Something that can't be stored as an event.
    DeadLetter(Box<DeadLetter>),
}

/// A record that can't be stored, as it was found.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Why, for a person.
    pub reason: String,
    /// The record's bytes.
    pub raw: Raw,
}

/// Why a record without a value is a dead letter. Where another one has no bytes in `dead_letters`, they were left
/// out, and nothing is known of them.
pub const NO_VALUE: &str = "the record has no value";

/// A record's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value.
    pub value: Option<Vec<u8>>,
    /// Header names and values, in their order. A NUL in a name becomes U+FFFD: jsonb can't hold it.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl What {
    /// The event, if it is one.
    pub(crate) fn event(&self) -> Option<&Event> {
        match self {
            What::Event(event) => Some(event),
            What::DeadLetter(_) => None,
        }
    }
}

impl Slice {
    /// How many entries lie below the fence.
    #[must_use]
    pub fn redelivered(&self) -> usize {
        self.entries.partition_point(|entry| entry.offset < self.expected)
    }

    /// The first half has no witness: its last record's bytes are not known here.
    fn halve(mut self) -> (Slice, Slice) {
        let rest = self.entries.split_off(self.entries.len() / 2);
        let border = self.entries.last().map_or(self.expected, |entry| entry.offset + 1).max(self.expected);
        let second = Slice { expected: border, entries: rest, ..self };
        (Slice { end_offset: border, witness: None, ..self }, second)
    }
}

impl Batch {
    /// Entries of all slices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slices.iter().map(|slice| slice.entries.len()).sum()
    }

    /// Whether there is nothing but progress to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every entry with its partition and whether it was redelivered, in the order of the slices.
    pub fn entries(&self) -> impl Iterator<Item = (i32, bool, &Entry)> {
        self.slices
            .iter()
            .flat_map(|slice| slice.entries.iter().map(|entry| (slice.partition, entry.offset < slice.expected, entry)))
    }

    /// Cuts in two halves that, stored one after the other, come to the same as the whole.
    ///
    /// Between partitions where there are several, else between records. `Err` gives a batch of at
    /// most one record back: it can't be cut.
    pub fn halve(self) -> Result<(Batch, Batch), Batch> {
        let Batch { log_id, mut slices } = self;
        let batch = |slices| Batch { log_id, slices };
        if slices.len() > 1 {
            let second = slices.split_off(slices.len() / 2);
            return Ok((batch(slices), batch(second)));
        }
        match slices.pop() {
            Some(slice) if slice.entries.len() > 1 => {
                let (first, second) = slice.halve();
                Ok((batch(vec![first]), batch(vec![second])))
            }
            slice => Err(batch(slice.into_iter().collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn dead(offset: i64) -> Entry {
        let dead = DeadLetter { reason: "for the test".to_owned(), raw: Raw::default() };
        Entry { offset, what: What::DeadLetter(Box::new(dead)) }
    }

    fn slice(partition: i32, expected: i64, end_offset: i64, offsets: &[i64]) -> Slice {
        let witness = Some(Witness { offset: end_offset - 1, leader_epoch: None, hash: 0 });
        let entries = offsets.iter().copied().map(dead).collect();
        Slice { partition, expected, end_offset, entries, witness, vouched_below: 0 }
    }

    #[test]
    fn a_batch_of_several_partitions_is_cut_between_them() {
        let slices = vec![slice(0, 0, 2, &[0, 1]), slice(1, 5, 6, &[5]), slice(4, 0, 1, &[0])];
        let (first, second) = Batch { log_id: 1, slices }.halve().unwrap();
        assert_eq!(first.slices.iter().map(|s| s.partition).collect::<Vec<_>>(), [0]);
        assert_eq!(second.slices.iter().map(|s| s.partition).collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn a_slice_is_cut_between_records_and_the_halves_meet() {
        // 10 and 11 are redelivered, 13 is missing in the log, 15 is a trailing gap.
        let batch = Batch { log_id: 1, slices: vec![slice(3, 12, 16, &[10, 11, 12, 14])] };
        let (first, second) = batch.halve().unwrap();
        let (first, second) = (&first.slices[0], &second.slices[0]);
        assert_eq!((first.expected, first.end_offset, first.entries.len()), (12, 12, 2));
        assert_eq!((second.expected, second.end_offset, second.entries.len()), (12, 16, 2));
        let (left, right) = second.clone().halve();
        assert_eq!((left.expected, left.end_offset), (12, 13));
        assert_eq!((right.expected, right.end_offset), (13, 16));
        assert!(left.witness.is_none() && right.witness.is_some(), "it is of the last record");
    }

    #[test]
    fn a_single_record_cannot_be_cut() {
        let batch = Batch { log_id: 1, slices: vec![slice(0, 7, 8, &[7])] };
        assert_eq!(batch.halve().unwrap_err().len(), 1);
    }
}
