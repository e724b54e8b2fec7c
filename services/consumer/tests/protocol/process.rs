//! One consumer process of the model: a single writer that owns any number of partitions, and one
//! connection. What it decides is the product's own code; in which order its shell asks is said again.

use consumer::decide::{Arrival, Start};
use consumer::intake::Intake;

use crate::database::Remembered;
use crate::decisions::{Decisions, Habit};
use crate::log::{Log, PARTITIONS};
use crate::work::{Piece, Work};

/// An [`Intake`] as plain data, of which there is only one for each behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reading {
    pub(crate) believed: i64,
    pub(crate) cursor: i64,
    /// Offsets that were passed over as empty and are in no batch yet.
    empty: i64,
    empty_below: i64,
    suspected: Option<i64>,
}

/// How a consumer stands to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// It believes that it is not its own.
    Foreign,
    /// It is to be started.
    Waiting,
    /// It is being read.
    Reading(Reading),
}

/// What a start has found out so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    /// This partition is not being started.
    No,
    /// Its progress, if there is any.
    Next(Option<i64>),
    /// Where the log ends. Only a broken start asks for this first.
    High(i64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Consumer {
    pub(crate) is_up: bool,
    pub(crate) is_connected: bool,
    pub(crate) places: [Place; PARTITIONS],
    pub(crate) starting: Option<[Asked; PARTITIONS]>,
    /// The batch under way, in its parts; the last comes first.
    pub(crate) stack: Vec<Work>,
    /// Stored, but the group has not been told.
    pub(crate) untold: [Option<i64>; PARTITIONS],
    pub(crate) remembered: Remembered,
}

/// What the poll thread brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Record(i64),
    End(i64),
}

impl Reading {
    pub(crate) fn begin(start: Start) -> Option<Reading> {
        let (cursor, believed, empty_below) = match start {
            Start::Begin { at } => (at, at, at),
            Start::Resume { at, next } => (at, next, next),
            Start::Trimmed { next, low } => (low, next, low),
            Start::AnotherLog => return None,
        };
        let empty = Intake::new(0, cursor, believed, empty_below).hand_over();
        Some(Reading { believed, cursor, empty, empty_below, suspected: None }.canonical())
    }

    fn intake(self) -> Intake {
        let mut intake = Intake::new(0, self.cursor, self.cursor - self.empty, self.empty_below);
        intake.believed = self.believed;
        if let Some(offset) = self.suspected {
            intake.record(offset);
        }
        intake
    }

    /// Without what can't make a difference any more.
    fn canonical(self) -> Reading {
        let empty_below = if self.empty_below > self.cursor { self.empty_below } else { 0 };
        Reading { empty_below, suspected: self.suspected.filter(|offset| *offset > self.cursor), ..self }
    }

    /// Whether the log has a first offset, `low`, above what is to be read.
    pub(crate) fn is_out_of_range(self, low: i64) -> bool {
        self.cursor < low
    }

    /// Whether it has something for a batch before anything arrives.
    pub(crate) fn lags(self) -> bool {
        self.intake().lags()
    }

    fn items(self, log: &Log, partition: usize, high: i64) -> Vec<Item> {
        let mut items: Vec<Item> = log.records(partition, self.cursor, high).map(Item::Record).collect();
        let next = log.records(partition, self.cursor, high).last().map_or(self.cursor, |offset| offset + 1);
        if next < high {
            items.push(Item::End(high));
        }
        items
    }

    /// How many things can be read now. The end counts only where it says something new.
    pub(crate) fn available(self, log: &Log, partition: usize, high: i64) -> usize {
        self.items(log, partition, high).len()
    }

    /// Takes these in, and gives the part of the batch that they make, if any. `Err`: records that
    /// were read are missing in it, so the partition starts anew.
    fn take_in(&mut self, items: impl Iterator<Item = Item>, decisions: &Decisions) -> Result<Option<Piece>, ()> {
        let mut intake = self.intake();
        let (mut offsets, mut is_part) = (Vec::new(), intake.lags());
        for item in items {
            let (arrival, offset) = match item {
                Item::Record(offset) => ((decisions.record)(&mut intake, offset), offset),
                Item::End(position) => (intake.end(position), position),
            };
            match (arrival, item) {
                (Arrival::Take, Item::Record(offset)) => {
                    offsets.push(offset);
                    is_part = true;
                }
                (Arrival::Take, Item::End(_)) => is_part |= intake.lags(),
                (Arrival::Ignore, _) => {}
                (Arrival::ReadAgain { .. }, _) => {
                    self.suspected = Some(offset);
                    is_part &= !decisions.have(Habit::DropsBeforeGap);
                    // What follows was read before the new start, and is thrown away.
                    break;
                }
            }
        }
        self.cursor = intake.cursor();
        *self = self.canonical();
        if !is_part {
            return Ok(None);
        }
        self.empty = 0;
        let upto = (decisions.upto)(self.cursor, self.believed);
        let first_time = offsets.iter().filter(|offset| **offset >= self.believed).count() as i64;
        let is_whole = (decisions.is_whole)(upto - self.believed - first_time, intake.hand_over());
        is_whole.then(|| Some(Piece::new(self.believed, upto, offsets))).ok_or(())
    }
}

impl Consumer {
    pub(crate) fn new() -> Consumer {
        Consumer {
            is_up: true,
            is_connected: true,
            places: [Place::Foreign; PARTITIONS],
            starting: None,
            stack: Vec::new(),
            untold: [None; PARTITIONS],
            remembered: Remembered::default(),
        }
    }

    pub(crate) fn crashed() -> Consumer {
        Consumer { is_up: false, ..Consumer::new() }
    }

    /// Between two batches, where orders, starts and comparisons have their place.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_up && self.starting.is_none() && self.stack.is_empty() && self.untold == [None; PARTITIONS]
    }

    /// Whether it carries out orders now.
    pub(crate) fn obeys(&self) -> bool {
        self.is_up && self.starting.is_none() && self.untold == [None; PARTITIONS]
    }

    pub(crate) fn believes_to_own(&self, partition: usize) -> bool {
        self.places[partition] != Place::Foreign
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.places.contains(&Place::Waiting)
    }

    pub(crate) fn readings(&self) -> impl Iterator<Item = (usize, Reading)> {
        self.places.iter().enumerate().filter_map(|(partition, place)| match place {
            Place::Reading(reading) => Some((partition, *reading)),
            Place::Foreign | Place::Waiting => None,
        })
    }

    /// Finds out anew where the partition stands; what was read of it is no longer ours.
    pub(crate) fn restart(&mut self, partition: usize) {
        if self.believes_to_own(partition) {
            self.set(partition, Place::Waiting);
        }
    }

    pub(crate) fn set(&mut self, partition: usize, place: Place) {
        self.places[partition] = place;
        self.stack.iter_mut().for_each(|work| work.pieces[partition] = None);
        self.stack.retain(|work| work.parts().next().is_some());
    }

    /// Makes a batch of what has arrived.
    pub(crate) fn poll(&mut self, fetched: [Fetched; PARTITIONS], log: &Log, decisions: &Decisions) {
        let mut pieces = [None; PARTITIONS];
        for (partition, fetched) in fetched.into_iter().enumerate() {
            let Place::Reading(reading) = &mut self.places[partition] else { continue };
            let items = reading.items(log, partition, fetched.high);
            let arrived = items.into_iter().skip(usize::from(fetched.missed)).take(fetched.count);
            match reading.take_in(arrived, decisions) {
                Ok(piece) => pieces[partition] = piece,
                Err(()) => self.places[partition] = Place::Waiting,
            }
        }
        if pieces.iter().any(Option::is_some) {
            self.stack.push(Work::new(pieces));
        }
    }

    /// Progress has moved: believes it, and has something to tell the group.
    pub(crate) fn moved(&mut self, work: &Work) {
        for (partition, piece) in work.parts() {
            if let Place::Reading(reading) = &mut self.places[partition] {
                reading.believed = piece.upto;
                self.untold[partition] = Some(piece.upto);
            }
        }
    }

    pub(crate) fn disconnect(&mut self, decisions: &Decisions) {
        self.is_connected = false;
        self.forget_keys(decisions);
    }

    pub(crate) fn forget_keys(&mut self, decisions: &Decisions) {
        if !decisions.have(Habit::KeepsKeys) {
            self.remembered = Remembered::default();
        }
    }
}

/// How much of a partition arrives at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) high: i64,
    pub(crate) count: usize,
    /// The client leaves the first record out, once.
    pub(crate) missed: bool,
}
