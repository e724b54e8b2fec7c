//! The Kafka log of the model: a few records, some of them copies, some offsets without a record. A
//! partition may lose its end, which other records then take: each partition has two tapes, before and after.

use broker::Headers;
use broker::consume::Record;
use event::Event;
use store::{DeadLetter, Entry, Raw};

/// Kafka partitions.
pub(crate) const PARTITIONS: usize = 2;
/// What partitions hold, first as they are, then as they are when cut and filled anew.
pub(crate) const TAPES: usize = 2 * PARTITIONS;
/// Offsets of a partition, at most: accounts are arrays of this length.
pub(crate) const LONGEST: usize = 5;
/// Of every start: what was read before one is never under way when the next one begins.
pub(crate) const EPOCH: u64 = 1;

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

/// What a partition loses, and what takes its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refill {
    /// The first offset that is lost.
    pub(crate) from: i64,
    pub(crate) with: &'static [At],
}

/// A record's own place: what two tapes have in common lies on the first of them.
pub(crate) type Slot = (usize, i64);

/// Never changes, but for its end.
pub(crate) struct Log {
    at: [Vec<At>; TAPES],
    events: [Vec<Option<Event>>; TAPES],
    refills: [Option<Refill>; PARTITIONS],
    /// Whether the broker tells the epochs of leaders.
    tells_epochs: bool,
}

impl Log {
    pub(crate) fn new(at: [&[At]; PARTITIONS], refills: [Option<Refill>; PARTITIONS], tells_epochs: bool) -> Log {
        let at: [Vec<At>; TAPES] =
            std::array::from_fn(|tape| match (at[tape % PARTITIONS], refills[tape % PARTITIONS]) {
                (at, Some(Refill { from, with })) if tape >= PARTITIONS => [&at[..from as usize], with].concat(),
                (at, _) => at.to_vec(),
            });
        assert!(at.iter().all(|offsets| offsets.len() <= LONGEST), "longer than an account");
        let events = at.clone().map(|offsets| offsets.into_iter().map(parsed).collect());
        Log { at, events, refills, tells_epochs }
    }

    /// What the partition holds.
    pub(crate) fn tape(partition: usize, is_cut: bool) -> usize {
        if is_cut { partition + PARTITIONS } else { partition }
    }

    pub(crate) fn refill(&self, partition: usize) -> Option<Refill> {
        self.refills[partition]
    }

    pub(crate) fn slot(&self, tape: usize, offset: i64) -> Slot {
        let partition = tape % PARTITIONS;
        let is_new = self.refills[partition].is_some_and(|refill| refill.from <= offset);
        (if is_new { tape } else { partition }, offset)
    }

    pub(crate) fn len(&self, tape: usize) -> i64 {
        self.at[tape].len() as i64
    }

    pub(crate) fn at(&self, (tape, offset): Slot) -> At {
        self.at[tape][offset as usize]
    }

    /// The event's id and payload, if the offset holds one.
    pub(crate) fn identity(&self, slot: Slot) -> Option<(char, u8)> {
        match self.at(slot) {
            At::Event { id, payload } => Some((id, payload)),
            At::Poison { id } => Some((id, 0)),
            At::Marker => None,
        }
    }

    pub(crate) fn is_poison(&self, slot: Slot) -> bool {
        matches!(self.at(slot), At::Poison { .. })
    }

    /// The offsets in `from..to` that hold records.
    pub(crate) fn records(&self, tape: usize, from: i64, to: i64) -> impl Iterator<Item = i64> {
        (from..to).filter(move |&offset| self.at((tape, offset)) != At::Marker)
    }

    /// Every record that there is on a tape.
    pub(crate) fn slots(&self, tape: usize) -> impl Iterator<Item = Slot> {
        self.records(tape, 0, self.len(tape)).map(move |offset| self.slot(tape, offset))
    }

    /// Every record that there ever is.
    pub(crate) fn all(&self) -> impl Iterator<Item = Slot> {
        (0..TAPES).flat_map(|tape| self.slots(tape).filter(move |slot| slot.0 == tape))
    }

    pub(crate) fn event(&self, (tape, offset): Slot) -> Option<&Event> {
        self.events[tape][offset as usize].as_ref()
    }

    /// The record as a consumer gets it.
    pub(crate) fn record(&self, tape: usize, offset: i64) -> Record {
        let slot = self.slot(tape, offset);
        let (partition, leader_epoch) = ((tape % PARTITIONS) as i32, self.tells_epochs.then_some(slot.0 as i32));
        let value = self.identity(slot).map(|(id, payload)| vec![id as u8, payload]);
        Record { partition, offset, epoch: EPOCH, leader_epoch, key: None, value, headers: Headers::default() }
    }

    /// The record as a transaction gets it.
    pub(crate) fn entry(&self, tape: usize, offset: i64, blamed: bool) -> Entry {
        let what = match self.event((tape, offset)) {
            Some(event) if !blamed => store::What::Event(event.clone()),
            _ => store::What::DeadLetter(Box::new(DeadLetter { reason: String::new(), raw: Raw::default() })),
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
