//! The partitions of one writer, and how each of them stands: pure. What follows from a decision is
//! given back as [`Command`]s; the writer carries them out.
//!
//! ```text
//!                order(Own)          begin                    take_batch      moved
//!   not assigned ─────────▶ waiting ──────▶ owned, not read ─▶ …  batch  … ─▶ believed
//!        ▲                    ▲              │    ▲   reading
//!        │ order(GiveUp)      └── restart ───┘    └─ a gap: read again
//! ```
//!
//! One that is out of range, or not told of, or has to be looked at twice, waits for a while ([`Waiting`]), and so
//! does one that stands before a batch which can't be read ([`Unreadable`]); the others go on meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use broker::consume::{FailureKind, PartitionFailure};
use broker::stall::{Failure, Position};
use store::Progress;

use crate::batching::batcher::{Batcher, Decisions, Taken};
use crate::command::{Command, Notable};
use crate::config::OnTrimmed;
use crate::planted;
use crate::policy::{Move, Seen, Start};
use crate::reading::current::Current;
use crate::reading::gap_detector::{Beginning, GapDetector};
use crate::reading::inbox::{Arrived, Order};
use crate::reading::unreadable::{Batch, Unreadable};
use crate::reading::waiting::Waiting;
use crate::storing::commits::Commits;

/// Which partitions a writer has, and how each of them stands.
#[derive(Clone, Debug, Default)]
pub struct Partitions {
    /// The log that `owned` belongs to.
    current: Option<Arc<Current>>,
    /// Those that the group has given us, whether or not they are read.
    assigned: BTreeSet<i32>,
    /// Those of them whose start is yet to be found out.
    waiting: Waiting,
    /// Those of them that are read.
    owned: BTreeMap<i32, GapDetector>,
    /// Those of them that stand before a batch which can't be read.
    unreadable: Unreadable,
    /// What else was said of those that can't be read on.
    failures: BTreeMap<i32, Failure>,
    commits: Commits,
    /// How many of them have begun, ever: each beginning has a number.
    begun: u64,
    decisions: Decisions,
}

impl Partitions {
    /// None yet. With other decisions than the product's: for the protocol's test.
    #[must_use]
    pub fn deciding(decisions: Decisions) -> Self {
        Partitions { decisions, ..Partitions::default() }
    }

    /// What the group has decided.
    #[must_use]
    pub fn order(&mut self, order: &Order, now: Instant) -> Vec<Command> {
        match *order {
            Order::Own(partition) => {
                self.assigned.insert(partition);
                self.restart(&[partition])
            }
            Order::GiveUp(partition) => {
                let mut commands = self.commit_all(now);
                self.forget(partition);
                commands.push(Command::Release(partition));
                commands
            }
            Order::Forget(partition) => {
                self.forget(partition);
                Vec::new()
            }
            Order::OutOfRange { partition, epoch } => self.out_of_range(partition, epoch, now),
        }
    }

    /// Starts this one anew, and no other. Not if it has been started since: then it was another start that
    /// had nothing to read.
    fn out_of_range(&mut self, partition: i32, epoch: u64, now: Instant) -> Vec<Command> {
        let Some(detector) = self.owned.get(&partition).filter(|detector| detector.is_read_under(epoch)) else {
            return Vec::new();
        };
        let at = detector.cursor();
        let mut commands = self.restart(&[partition]);
        let times = self.waiting.out_of_range(partition, at, now);
        let reason = "the broker has nothing at this offset".to_owned();
        self.failures.insert(partition, Failure { kind: FailureKind::Other, reason });
        if planted::out_of_range_restarts_all() {
            commands = self.restart_all();
        }
        commands.push(Command::Tell(Notable::OutOfRange { partition, at, times }));
        commands
    }

    fn forget(&mut self, partition: i32) {
        self.assigned.remove(&partition);
        self.commits.forget(partition);
        self.owned.remove(&partition);
        self.waiting.forget(partition);
        self.unreadable.forget(partition);
        self.failures.remove(&partition);
    }

    /// Forgets what was read of these partitions: it is to be found out anew where they stand.
    #[must_use]
    pub fn restart(&mut self, partitions: &[i32]) -> Vec<Command> {
        for &partition in partitions {
            // What was to be committed may lie beyond what this copy of the database has.
            self.commits.forget(partition);
            self.owned.remove(&partition);
            self.unreadable.forget(partition);
            self.waiting.insert(partition);
        }
        if partitions.is_empty() { Vec::new() } else { vec![Command::StartAnew] }
    }

    /// As [`Partitions::restart`], with all of them.
    #[must_use]
    pub fn restart_all(&mut self) -> Vec<Command> {
        let all: Vec<i32> = self.assigned.iter().copied().collect();
        self.restart(&all)
    }

    /// The log that is known now. If it is another one, nothing that was believed is true of it.
    #[must_use]
    pub fn adopt(&mut self, newest: Option<Arc<Current>>) -> Vec<Command> {
        let id = |current: &Option<Arc<Current>>| current.as_ref().map(|current| current.log.log_id);
        let was = id(&self.current);
        self.current = newest;
        if was.is_some() && id(&self.current).is_some_and(|id| Some(id) != was) {
            self.restart_all()
        } else {
            Vec::new()
        }
    }

    /// The log that they belong to, once it is known.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Current>> {
        self.current.clone()
    }

    /// Those whose start is yet to be found out.
    #[must_use]
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Those of them that may be started now, and what the first of two looks at them has shown.
    #[must_use]
    pub fn due(&self, now: Instant) -> Vec<(i32, Option<Seen>)> {
        self.current.as_ref().map_or_else(Vec::new, |current| self.waiting.due(now, current.identity.partitions))
    }

    /// When the next of them may be started; none while none can be.
    #[must_use]
    pub fn next_start(&self, now: Instant) -> Option<Instant> {
        self.waiting.next(now, self.current.as_ref()?.identity.partitions)
    }

    /// Those that are read, and where each of them stands.
    #[must_use]
    pub fn owned(&self) -> &BTreeMap<i32, GapDetector> {
        &self.owned
    }

    /// It was found out where a partition starts.
    #[must_use]
    pub fn begin(&mut self, partition: i32, start: Start, on_trimmed: OnTrimmed, now: Instant) -> Vec<Command> {
        let mut commands = Vec::new();
        let all_below = |at, believed| Beginning { at, believed, empty_below: at, witness: None, suspicion: None };
        let beginning = match start {
            Start::Begin { at } => all_below(at, at),
            Start::Resume { at, next, witness, suspected } => {
                Beginning { at, believed: next, empty_below: next, witness, suspicion: suspected }
            }
            Start::Trimmed { next, low } => {
                commands.push(Command::Tell(Notable::Trimmed { partition, from: next, to: low }));
                if on_trimmed == OnTrimmed::Halt {
                    commands.push(Command::Tell(Notable::LeftUnread(partition)));
                    self.waiting.remove(partition);
                    return commands;
                }
                all_below(low, next)
            }
            Start::AnotherLog => return commands,
            Start::LookAgain(seen) => {
                self.waiting.look_again(partition, seen, now);
                return vec![Command::Tell(Notable::LookAgain { partition, seen })];
            }
        };
        self.begun += 1;
        self.waiting.remove(partition);
        let detector = GapDetector::new(self.begun, beginning);
        commands.push(Command::Read { partition, from: detector.reads_from() });
        self.owned.insert(partition, detector);
        commands
    }

    /// The broker does not tell where this one begins and ends: it is asked again later.
    pub fn is_not_told(&mut self, partition: i32, now: Instant) {
        self.waiting.is_not_told(partition, now);
    }

    /// The partition is being read, from where [`Command::Read`] said: its records bear this epoch.
    pub fn reading(&mut self, partition: i32, epoch: u64) {
        if let Some(detector) = self.owned.get_mut(&partition) {
            detector.reading(epoch);
        }
    }

    /// Makes the parts of a batch of what has arrived. Nothing while there is nothing to store.
    #[must_use]
    pub fn take_batch(&mut self, arrived: Vec<Arrived>, now: Instant) -> (Option<Taken>, Vec<Command>) {
        let Some(log_id) = self.current.as_ref().map(|current| current.log.log_id) else {
            return (None, Vec::new());
        };
        let done = Batcher::new(&mut self.owned, self.decisions).take(arrived);
        // What is read a second time does not show that reading goes on.
        let read = done.parts.iter().filter(|(_, part)| part.end_offset > part.expected);
        for (&partition, _) in read {
            self.waiting.is_read(partition);
            self.failures.remove(&partition);
        }
        self.owned.iter().for_each(|(&partition, detector)| self.unreadable.is_read(partition, detector.reads_from()));
        let mut commands = done.commands;
        commands.extend(done.failures.into_iter().filter_map(|failure| self.failed(failure, now)));
        commands.extend(self.restart(&done.missing));
        let taken = (!done.parts.is_empty()).then_some(Taken { log_id, parts: done.parts });
        (taken, commands)
    }

    fn failed(&mut self, failure: PartitionFailure, now: Instant) -> Option<Command> {
        let PartitionFailure { partition, offset, kind, reason, .. } = failure;
        if kind != FailureKind::Unreadable {
            self.failures.insert(partition, Failure { kind, reason });
            return None;
        }
        let cursor = self.owned.get(&partition)?.cursor();
        let offset = offset.unwrap_or(cursor);
        let times = self.unreadable.note(partition, (offset, reason.clone()), now);
        Some(Command::Tell(Notable::Unreadable { partition, offset, times, reason }))
    }

    /// How far each of them is read, and what was said of those that can't be read on. Nothing of those whose
    /// start is yet to be found out, but where they were out of range.
    #[must_use]
    pub fn positions(&self, at: Instant) -> Vec<Position> {
        let read = self.owned.iter().map(|(&partition, detector)| (partition, detector.cursor()));
        let out_of_range = self.waiting.out_of_range_at();
        let mut offsets: BTreeMap<i32, i64> = read.collect();
        // While they are looked for there again, they are not read on.
        offsets.extend(out_of_range);
        let positions = offsets.into_iter().map(|(partition, offset)| {
            let failure = self.failure(partition);
            Position { partition, offset, at, failure }
        });
        positions.collect()
    }

    fn failure(&self, partition: i32) -> Option<Failure> {
        let unreadable = |batch: &Batch| Failure { kind: FailureKind::Unreadable, reason: batch.reason.clone() };
        let unreadable = self.unreadable.get(partition).map(unreadable);
        unreadable.or_else(|| self.failures.get(&partition).cloned())
    }

    /// Those that stand before a batch which can't be read.
    #[must_use]
    pub fn unreadable(&self) -> &Unreadable {
        &self.unreadable
    }

    /// Those about which another client is to be asked, and the offset that it is about; each once per try.
    #[must_use]
    pub fn take_doubtful(&mut self) -> Vec<(i32, i64)> {
        self.unreadable.take_doubtful()
    }

    /// Another client can't read what lies at this offset either, for this reason: it is passed.
    #[must_use]
    pub fn pass_unreadable(&mut self, partition: i32, at: i64, reason: &str) -> Vec<Command> {
        self.unreadable.forget(partition);
        let Some(detector) = self.owned.get_mut(&partition) else { return Vec::new() };
        detector.pass(at, reason);
        vec![Command::Read { partition, from: detector.reads_from() }]
    }

    /// Has those tried again whose time has come.
    #[must_use]
    pub fn try_again(&mut self, now: Instant) -> Vec<Command> {
        let due = self.unreadable.take_due(now).into_iter();
        due.filter_map(|partition| Some(Command::Read { partition, from: self.owned.get(&partition)?.reads_from() }))
            .collect()
    }

    /// When the next of them is to be tried again.
    #[must_use]
    pub fn next_try(&self) -> Option<Instant> {
        self.unreadable.next()
    }

    /// Whether a part of a batch is still ours to store: its partition was neither given up nor started
    /// anew since the part was taken.
    #[must_use]
    pub fn still_ours(&self, partition: i32, since: u64) -> bool {
        self.owned.get(&partition).is_some_and(|detector| detector.since == since)
    }

    /// Progress has moved: believes it, and has the group told, when it is due.
    #[must_use]
    pub fn moved(&mut self, moves: &[Move], now: Instant) -> Vec<Command> {
        for &Move { partition, end_offset, .. } in moves {
            if let Some(detector) = self.owned.get_mut(&partition) {
                detector.believed = end_offset;
                // While records are read again, the group stays at what has been seen to be there.
                self.commits.note(partition, end_offset.min(detector.cursor()));
            }
        }
        self.commit_due(now)
    }

    /// Starts those anew whose progress is not where we left it, or which are suspected, but for those of a
    /// batch in doubt: their fence is about to tell, behind the lock that makes its answer true.
    #[must_use]
    pub fn compare(&mut self, found: &[Progress], in_doubt: &[i32]) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut anew = Vec::new();
        for (&partition, detector) in self.owned.iter().filter(|(partition, _)| !in_doubt.contains(partition)) {
            let row = found.iter().find(|row| row.partition == partition);
            let (believed, found) = (detector.believed, row.map(|row| row.next_offset));
            let suspected = row.and_then(|row| row.suspected_offset);
            if (self.decisions.has_drifted)(believed, found) && !planted::no_drift_is_seen() {
                commands.push(Command::Tell(Notable::Drifted { partition, believed, found }));
                anew.push(partition);
            } else if let Some(offset) = suspected.filter(|_| suspected != detector.suspicion) {
                commands.push(Command::Tell(Notable::Suspected { partition, offset }));
                anew.push(partition);
            }
        }
        commands.extend(self.restart(&anew));
        commands
    }

    /// Partitions and suspicions of them for which there is no reason any more: all that they are about was
    /// read and stored. Only between two batches.
    #[must_use]
    pub fn settled_suspicions(&self) -> Vec<(i32, i64)> {
        self.owned
            .iter()
            .filter_map(|(&partition, detector)| Some((partition, detector.settled_suspicion()?)))
            .collect()
    }

    /// The database knows of it no more.
    pub fn suspect_no_more(&mut self, partition: i32) {
        if let Some(detector) = self.owned.get_mut(&partition) {
            detector.suspicion = None;
        }
    }

    /// When offsets are to be committed next; never while there are none.
    #[must_use]
    pub fn next_commit(&self, now: Instant) -> Option<Instant> {
        self.commits.due(now)
    }

    /// Tells the group what is due.
    #[must_use]
    pub fn commit_due(&mut self, now: Instant) -> Vec<Command> {
        commit(self.commits.take_due(now))
    }

    /// Tells the group everything, before partitions go.
    #[must_use]
    pub fn commit_all(&mut self, now: Instant) -> Vec<Command> {
        commit(self.commits.take_all(now))
    }
}

fn commit(offsets: Vec<(i32, i64)>) -> Vec<Command> {
    if offsets.is_empty() { Vec::new() } else { vec![Command::Commit(offsets)] }
}

#[cfg(test)]
mod tests;
