//! The Kafka log of the model: a few records, some of them copies, some offsets without a record.

use event::Event;
use store::{DeadLetter, Entry, Raw, What};

/// Kafka partitions.
pub(crate) const PARTITIONS: usize = 2;
/// Offsets of a partition, at most: accounts are arrays of this length.
pub(crate) const LONGEST: usize = 5;

/// What an offset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// An event.
    Event { id: char, payload: u8 },
    /// An event that the database refuses.
    Poison { id: char },
    /// No record: a transaction's marker.
    Marker,
}

pub(crate) const fn event(id: char, payload: u8) -> At {
    At::Event { id, payload }
}

/// Never changes, but for its end.
pub(crate) struct Log {
    at: [Vec<At>; PARTITIONS],
    events: [Vec<Option<Event>>; PARTITIONS],
}

impl Log {
    pub(crate) fn new(at: [&[At]; PARTITIONS]) -> Log {
        assert!(at.iter().all(|offsets| offsets.len() <= LONGEST), "longer than an account");
        Log { at: at.map(<[At]>::to_vec), events: at.map(|offsets| offsets.iter().copied().map(parsed).collect()) }
    }

    pub(crate) fn len(&self, partition: usize) -> i64 {
        self.at[partition].len() as i64
    }

    pub(crate) fn at(&self, partition: usize, offset: i64) -> At {
        self.at[partition][offset as usize]
    }

    /// The event's id and payload, if the offset holds one.
    pub(crate) fn identity(&self, partition: usize, offset: i64) -> Option<(char, u8)> {
        match self.at(partition, offset) {
            At::Event { id, payload } => Some((id, payload)),
            At::Poison { id } => Some((id, 0)),
            At::Marker => None,
        }
    }

    pub(crate) fn is_poison(&self, partition: usize, offset: i64) -> bool {
        matches!(self.at(partition, offset), At::Poison { .. })
    }

    /// The offsets in `from..to` that hold records.
    pub(crate) fn records(&self, partition: usize, from: i64, to: i64) -> impl Iterator<Item = i64> {
        (from..to).filter(move |&offset| self.at(partition, offset) != At::Marker)
    }

    /// Every position that holds a record.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (usize, i64)> {
        (0..PARTITIONS).flat_map(|partition| {
            self.records(partition, 0, self.len(partition)).map(move |offset| (partition, offset))
        })
    }

    pub(crate) fn event(&self, partition: usize, offset: i64) -> Option<&Event> {
        self.events[partition][offset as usize].as_ref()
    }

    /// The record as a transaction gets it.
    pub(crate) fn entry(&self, partition: usize, offset: i64, blamed: bool) -> Entry {
        let what = match self.event(partition, offset) {
            Some(event) if !blamed => What::Event(event.clone()),
            _ => What::DeadLetter(Box::new(DeadLetter { reason: String::new(), raw: Raw::default() })),
        };
        Entry { offset, what }
    }
}

fn parsed(at: At) -> Option<Event> {
    let (id, payload) = match at {
        At::Event { id, payload } => (id, payload),
        At::Poison { id } => (id, 0),
        At::Marker => return None,
    };
    let json = format!(
        r#"{{"topic":"t","event_id":"{id}","source":"s","timestamp":"2025-01-01T00:00:00Z","payload":{{"n":{payload}}}}}"#
    );
    Some(Event::parse(json.as_bytes()).expect("a valid event"))
}
