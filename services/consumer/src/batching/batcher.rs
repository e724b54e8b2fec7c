//! What has arrived, checked for gaps and put into the parts of a batch: pure.

use std::collections::BTreeMap;

use broker::consume::{FailureKind, PartitionFailure, Record};
use store::{LogId, Witness};

use crate::command::{Command, Notable};
use crate::planted;
use crate::policy::{self, Arrival};
use crate::reading::gap_detector::GapDetector;
use crate::reading::inbox::Arrived;
use crate::reading::witness;

/// What a batch is made of: records that were checked for gaps, and not parsed yet.
#[derive(Debug)]
pub struct Taken {
    /// The incarnation of the log that their positions belong to.
    pub log_id: LogId,
    /// One part per partition.
    pub parts: BTreeMap<i32, Part>,
}

/// One partition's part of a batch in the making.
#[derive(Debug)]
pub struct Part {
    /// The beginning that they are counted from ([`GapDetector::since`]).
    pub since: u64,
    /// What the fence expects.
    pub expected: i64,
    /// Where it goes.
    pub end_offset: i64,
    /// Offsets that can't be read, and why; below the records.
    pub unreadable: Vec<(i64, String)>,
    /// Ascending by offset.
    pub records: Vec<Record>,
    /// Below this offset what has left no trace was deleted ([`GapDetector::vouched_below`]).
    pub vouched_below: i64,
    /// The last of the records, if it is not redelivered.
    pub witness: Option<Witness>,
}

/// What is decided about a partition. The product has one set of them; the protocol's test puts wrong
/// ones in their place, and sees each of them found out.
#[derive(Clone, Copy, Debug)]
pub struct Decisions {
    /// Whether a record belongs into the next batch.
    pub record: fn(&mut GapDetector, i64, Option<bool>) -> Arrival,
    /// Whether a record is the one that was stored.
    pub is_same_record: fn(&Witness, &Witness) -> bool,
    /// Where a part moves progress to.
    pub end_offset: fn(i64, i64) -> i64,
    /// Whether no record is missing in a part.
    pub is_whole: fn(i64, i64) -> bool,
    /// Whether somebody else has moved progress.
    pub has_drifted: fn(i64, Option<i64>) -> bool,
}

impl Default for Decisions {
    fn default() -> Self {
        Decisions {
            record: GapDetector::record,
            is_same_record: policy::is_same_record,
            end_offset: policy::end_offset,
            is_whole: policy::is_whole,
            has_drifted: policy::has_drifted,
        }
    }
}

/// Checks what has arrived for gaps, and puts it into the parts of a batch.
pub(crate) struct Batcher<'a> {
    owned: &'a mut BTreeMap<i32, GapDetector>,
    decisions: Decisions,
    parts: BTreeMap<i32, Part>,
    commands: Vec<Command>,
    missing: Vec<i32>,
    failures: Vec<PartitionFailure>,
}

/// What came of it.
pub(crate) struct Done {
    pub(crate) parts: BTreeMap<i32, Part>,
    pub(crate) commands: Vec<Command>,
    /// Partitions of which records are missing: they are to be started anew.
    pub(crate) missing: Vec<i32>,
    /// What keeps partitions from being read on, as far as it is about what they read now.
    pub(crate) failures: Vec<PartitionFailure>,
}

impl<'a> Batcher<'a> {
    pub(crate) fn new(owned: &'a mut BTreeMap<i32, GapDetector>, decisions: Decisions) -> Self {
        Batcher {
            owned,
            decisions,
            parts: BTreeMap::new(),
            commands: Vec::new(),
            missing: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Takes all of it in; what belongs to an older start is thrown away.
    pub(crate) fn take(mut self, arrived: Vec<Arrived>) -> Done {
        // A log that was trimmed to its very end brings no record that would carry the loss along.
        let trimmed: Vec<i32> = self.owned.iter().filter(|(_, detector)| detector.lags()).map(|(&p, _)| p).collect();
        for partition in trimmed {
            self.part(partition);
        }
        for one in arrived {
            match one {
                Arrived::Record(record) => self.record(record),
                Arrived::End { partition, epoch, position } => self.end(partition, epoch, position),
                Arrived::Failed(failure) => self.failed(failure),
            }
        }
        let parts = std::mem::take(&mut self.parts).into_iter();
        let parts = parts.filter_map(|(partition, part)| Some((partition, self.sealed(partition, part)?))).collect();
        Done { parts, commands: self.commands, missing: self.missing, failures: self.failures }
    }

    fn record(&mut self, record: Record) {
        let (partition, offset, bytes) = (record.partition, record.offset, record.weight());
        let detector = self.owned.get_mut(&partition).filter(|detector| detector.is_read_under(record.epoch));
        let awaited =
            detector.as_ref().and_then(|detector| detector.awaits()).filter(|awaited| awaited.offset <= offset);
        let is_same = awaited
            .filter(|awaited| awaited.offset == offset)
            .map(|awaited| (self.decisions.is_same_record)(&awaited, &witness::of(&record)));
        match detector.map_or(Arrival::Ignore, |detector| (self.decisions.record)(detector, offset, is_same)) {
            Arrival::Take => {
                if let Some(part) = self.part(partition) {
                    part.records.push(record);
                }
            }
            Arrival::Ignore => self.commands.push(Command::Finished { partition, bytes }),
            Arrival::ReadAgain { from } => {
                let notable = match awaited {
                    Some(Witness { offset, .. }) => Notable::Doubted { partition, offset },
                    None => Notable::Gap { partition, from, to: offset },
                };
                self.commands.push(Command::Tell(notable));
                self.commands.push(Command::Finished { partition, bytes });
                self.read_again(partition);
            }
            Arrival::AnotherLog => {
                self.commands.push(Command::Finished { partition, bytes });
                self.another_log(partition);
            }
        }
    }

    fn end(&mut self, partition: i32, epoch: u64, position: i64) {
        let Some(detector) = self.owned.get_mut(&partition).filter(|detector| detector.is_read_under(epoch)) else {
            return;
        };
        match detector.end(position) {
            Arrival::Take if detector.lags() => {
                self.part(partition);
            }
            Arrival::Take | Arrival::Ignore => {}
            Arrival::ReadAgain { .. } => self.read_again(partition),
            Arrival::AnotherLog => self.another_log(partition),
        }
    }

    /// What was taken in before stays taken in. Behind a batch that can't be read nothing is, until reading was
    /// started again before it: what is missing there is no gap.
    fn failed(&mut self, mut failure: PartitionFailure) {
        let partition = failure.partition;
        let detector = self.owned.get_mut(&partition).filter(|detector| detector.is_read_under(failure.epoch));
        let Some(detector) = detector else { return };
        if failure.kind == FailureKind::Unreadable {
            if detector.passes_what_is_stored() || planted::passes_as_empty(detector) {
                self.read_again(partition);
                return;
            }
            let at = detector.reads_from();
            failure.offset = Some(failure.offset.map_or(at, |first| first.max(at)));
            self.stop(partition);
        }
        self.failures.push(failure);
    }

    /// What still comes of this start is thrown away.
    fn another_log(&mut self, partition: i32) {
        let Some(detector) = self.owned.get_mut(&partition) else { return };
        detector.read_again();
        let offset = detector.awaits().map_or(detector.cursor(), |witness| witness.offset);
        self.commands.push(Command::Tell(Notable::AnotherLog { partition, offset }));
        self.commands.push(Command::OpenNextIncarnation);
    }

    fn read_again(&mut self, partition: i32) {
        if let Some(detector) = self.stop(partition) {
            let from = detector.reads_from();
            self.commands.push(Command::Read { partition, from });
        }
    }

    /// Nothing more of this start is taken in.
    fn stop(&mut self, partition: i32) -> Option<&GapDetector> {
        let detector = self.owned.get_mut(&partition)?;
        let last = self.parts.get(&partition).and_then(|part| part.records.last());
        last.map(witness::of).into_iter().for_each(|last| detector.has_seen(last));
        detector.read_again();
        Some(detector)
    }

    fn part(&mut self, partition: i32) -> Option<&mut Part> {
        let detector = self.owned.get_mut(&partition)?;
        Some(self.parts.entry(partition).or_insert_with(|| Part {
            since: detector.since,
            expected: detector.believed,
            end_offset: detector.believed,
            unreadable: detector.hand_over_unreadable(),
            records: Vec::new(),
            vouched_below: detector.vouched_below,
            witness: None,
        }))
    }

    /// The part up to where the detector stands. What is counted as skipped is lost for good, so only
    /// offsets that were believed to be empty may be: a batch that got lost on its way must not pass
    /// for a gap. If it does, the partition is started anew.
    fn sealed(&mut self, partition: i32, mut part: Part) -> Option<Part> {
        let detector = self.owned.get_mut(&partition)?;
        part.end_offset = (self.decisions.end_offset)(detector.cursor(), part.expected);
        let first_time = part.records.iter().filter(|record| record.offset >= part.expected).count();
        let first_time = (first_time + part.unreadable.len()) as i64;
        let (skipped, empty) = (part.end_offset - part.expected - first_time, detector.hand_over());
        if (self.decisions.is_whole)(skipped, empty) {
            let last = part.records.last().map(witness::of);
            last.into_iter().for_each(|last| detector.has_seen(last));
            part.witness = last.filter(|last| last.offset >= part.expected);
            return Some(part);
        }
        let bytes = part.records.iter().map(Record::weight).sum();
        self.commands.push(Command::Tell(Notable::Missing { partition, skipped, empty }));
        self.commands.push(Command::Finished { partition, bytes });
        self.missing.push(partition);
        None
    }
}
