//! One consumer process of the model: a single writer that owns any number of partitions, and one
//! connection. What it owns and decides is the product's own [`Partitions`]; what its shell does with the
//! commands is said again.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use consumer::batching::batcher::Taken;
use consumer::command::Command;
use consumer::partitions::Partitions;
use consumer::policy::Seen;
use consumer::reading::current::Current;
use consumer::reading::gap_detector::GapDetector;
use consumer::reading::inbox::Arrived;
use event::{LogIdentity, PartitionBy};
use store::LogId;

use crate::database::{INCARNATIONS, Progress, Remembered};
use crate::decisions::{Decisions, Habit};
use crate::fetching::Fetched;
use crate::log::{EPOCH, Log, PARTITIONS};
use crate::work::{Piece, Since, Work};

/// The incarnations of the one log that there is.
static LOGS: LazyLock<[Arc<Current>; INCARNATIONS]> = LazyLock::new(|| {
    std::array::from_fn(|incarnation| {
        let partitions = PARTITIONS as i32;
        let log = store::Log { log_id: incarnation as i32 + 1, incarnation: incarnation as i32 + 1, partitions };
        let (cluster_id, kafka_topic) = ("cluster".to_owned(), "events".to_owned());
        let identity =
            LogIdentity { cluster_id, kafka_topic, topic_id: None, partitions, partition_by: PartitionBy::Topic };
        Arc::new(Current { log, identity })
    })
});

/// An incarnation of the log.
pub(crate) fn incarnation(log_id: LogId) -> Arc<Current> {
    LOGS[log_id as usize - 1].clone()
}

/// What a start has found out so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    /// This partition is not being started.
    No,
    /// Its progress, if there is any.
    Row(Option<Progress>),
    /// Where the log ends. Only a broken start asks for this first.
    High(i64),
}

#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) is_up: bool,
    pub(crate) is_connected: bool,
    /// Shared with the states before and after, while nothing about them changes.
    partitions: Arc<Partitions>,
    pub(crate) starting: Option<[Asked; PARTITIONS]>,
    /// The batch under way, in its parts; the last comes first.
    pub(crate) stack: Vec<Work>,
    /// Stored, but the group has not been told.
    pub(crate) untold: [Option<i64>; PARTITIONS],
    pub(crate) remembered: Remembered,
    /// The log was found to be another one.
    pub(crate) is_another_log: bool,
    /// Partitions whose records show the client which leader it reads from, since a start. Noted only where
    /// it makes a difference.
    pub(crate) follows: [bool; PARTITIONS],
    /// Partitions whose client has noticed that the log lost what it had read.
    pub(crate) is_cut_off: [bool; PARTITIONS],
}

/// How a consumer stands to a partition: all of it that can make a difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// It believes that it is not its own.
    Foreign,
    /// It is to be started. Without the moment: there is no clock.
    Waiting(Option<Seen>),
    /// It is being read. Without the numbers of its beginning and its epoch: they tell what is old from
    /// what is new, and nothing old is ever left.
    Reading(GapDetector),
}

impl Consumer {
    pub(crate) fn new(decisions: &Decisions) -> Consumer {
        let mut partitions = Partitions::deciding(decisions.of_partitions());
        assert_eq!(partitions.adopt(Some(incarnation(1))), [], "it has none yet");
        Consumer {
            is_up: true,
            is_connected: true,
            partitions: Arc::new(partitions),
            starting: None,
            stack: Vec::new(),
            untold: [None; PARTITIONS],
            remembered: Remembered::default(),
            is_another_log: false,
            follows: [false; PARTITIONS],
            is_cut_off: [false; PARTITIONS],
        }
    }

    pub(crate) fn crashed(decisions: &Decisions) -> Consumer {
        Consumer { is_up: false, ..Consumer::new(decisions) }
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
        self.waits_for(partition) || self.partitions.owned().contains_key(&(partition as i32))
    }

    /// The incarnation of the log that it knows of.
    pub(crate) fn log_id(&self) -> LogId {
        self.partitions.current().map_or(1, |current| current.log.log_id)
    }

    /// What was suspected and is settled.
    pub(crate) fn settled_suspicions(&self) -> Vec<(i32, i64)> {
        self.partitions.settled_suspicions()
    }

    pub(crate) fn suspect_no_more(&mut self, partition: i32) {
        Arc::make_mut(&mut self.partitions).suspect_no_more(partition);
    }

    /// Whether the partition is to be started.
    pub(crate) fn waits_for(&self, partition: usize) -> bool {
        self.partitions.waiting().get(partition as i32).is_some()
    }

    /// What the first of two looks at the partition has shown, if a second one is due.
    pub(crate) fn seen(&self, partition: usize) -> Option<Seen> {
        self.partitions.waiting().get(partition as i32)?.seen
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.partitions.waiting().is_empty()
    }

    pub(crate) fn readings(&self) -> impl Iterator<Item = (usize, &GapDetector)> {
        self.partitions.owned().iter().map(|(&partition, detector)| (partition as usize, detector))
    }

    /// Has them decided upon, and carries out what follows.
    pub(crate) fn act(&mut self, decisions: &Decisions, decide: impl FnOnce(&mut Partitions) -> Vec<Command>) {
        let commands = decide(Arc::make_mut(&mut self.partitions));
        self.carry_out(commands, decisions);
    }

    /// What the shell does with the commands.
    fn carry_out(&mut self, commands: Vec<Command>, decisions: &Decisions) {
        for command in commands {
            match command {
                Command::Read { partition, .. } => {
                    Arc::make_mut(&mut self.partitions).reading(partition, EPOCH);
                    (self.follows[partition as usize], self.is_cut_off[partition as usize]) = (false, false);
                }
                Command::OpenNextIncarnation => self.is_another_log = true,
                Command::StartAnew => self.forget_keys(decisions),
                Command::Commit(offsets) => {
                    offsets.into_iter().for_each(|(partition, offset)| self.untold[partition as usize] = Some(offset));
                }
                Command::Finished { .. } | Command::Release(_) | Command::Tell(_) => {}
            }
        }
        let partitions = &self.partitions;
        for work in &mut self.stack {
            for (partition, piece) in work.pieces.iter_mut().enumerate() {
                piece.take_if(|piece| !partitions.still_ours(partition as i32, piece.since.0));
            }
        }
        self.stack.retain(|work| work.parts().next().is_some());
    }

    /// Makes a batch of what has arrived.
    pub(crate) fn poll(&mut self, fetched: [Fetched; PARTITIONS], log: &Log, decisions: &Decisions) {
        let mut arrived = Vec::new();
        for (partition, detector) in self.readings().filter(|(partition, _)| !self.is_cut_off[*partition]) {
            arrived.extend(fetched[partition].arrived(log, detector));
        }
        for one in &arrived {
            if let Arrived::Record(record) = one {
                self.follows[record.partition as usize] |=
                    log.refill(record.partition as usize).is_some() && record.leader_epoch.is_some();
            }
        }
        let (taken, commands) = Arc::make_mut(&mut self.partitions).take_batch(arrived, Instant::now());
        let mut pieces = taken.map_or([None; PARTITIONS], |taken| pieces(taken, &fetched));
        if decisions.have(Habit::DropsBeforeGap) {
            for command in &commands {
                if let Command::Read { partition, .. } = command {
                    pieces[*partition as usize] = None;
                }
            }
        }
        self.carry_out(commands, decisions);
        let log_id = self.log_id();
        self.stack.extend(pieces.iter().any(Option::is_some).then(|| Work::new(log_id, pieces)));
    }

    /// Progress has moved: believes it, and has something to tell the group.
    pub(crate) fn moved(&mut self, work: &Work, decisions: &Decisions) {
        let now = Instant::now();
        self.act(decisions, |partitions| partitions.moved(&work.moves(), now));
        self.act(decisions, |partitions| partitions.commit_all(now));
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

    fn places(&self) -> [Place; PARTITIONS] {
        std::array::from_fn(|partition| match self.partitions.owned().get(&(partition as i32)) {
            Some(detector) => Place::Reading(numberless(detector)),
            None if self.waits_for(partition) => Place::Waiting(self.seen(partition)),
            None => Place::Foreign,
        })
    }
}

fn numberless(detector: &GapDetector) -> GapDetector {
    let mut detector = detector.clone();
    (detector.since, detector.epoch) = (0, None);
    detector
}

/// What was taken, without what a state is too small for.
fn pieces(taken: Taken, fetched: &[Fetched; PARTITIONS]) -> [Option<Piece>; PARTITIONS] {
    let mut pieces = [None; PARTITIONS];
    for (partition, part) in taken.parts {
        pieces[partition as usize] = Some(Piece {
            since: Since(part.since),
            tape: fetched[partition as usize].tape,
            expected: part.expected,
            end_offset: part.end_offset,
            vouched_below: part.vouched_below,
            offsets: part.records.iter().map(|record| record.offset).collect(),
        });
    }
    pieces
}

impl PartialEq for Consumer {
    fn eq(&self, other: &Consumer) -> bool {
        (self.is_up, self.is_connected) == (other.is_up, other.is_connected)
            && self.places() == other.places()
            && (self.starting, self.untold, self.remembered) == (other.starting, other.untold, other.remembered)
            && (self.log_id(), self.is_another_log) == (other.log_id(), other.is_another_log)
            && (self.follows, self.is_cut_off) == (other.follows, other.is_cut_off)
            && self.stack == other.stack
    }
}

impl Eq for Consumer {}

impl Hash for Consumer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.is_up, self.is_connected, self.places()).hash(state);
        (self.starting, &self.stack, self.untold, self.remembered).hash(state);
        (self.log_id(), self.is_another_log, self.follows, self.is_cut_off).hash(state);
    }
}
