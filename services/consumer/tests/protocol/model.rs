//! The protocol as a state machine: two consumers, a log, a database, and what can go wrong.

use store::AppendError;
use store::recent::Fingerprints;

use crate::database::{Database, Rules};
use crate::decisions::Decisions;
use crate::log::{At, Log, PARTITIONS};
use crate::process::Consumer;
use crate::work::Work;

/// Consumer processes.
pub(crate) const CONSUMERS: usize = 2;

/// What there is to read, and what may go wrong.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) log: [&'static [At]; PARTITIONS],
    /// Offsets of each partition that are appended while it runs.
    pub(crate) late: [i64; PARTITIONS],
    /// Keys that a connection remembers, at most.
    pub(crate) recent_keys: usize,
    pub(crate) faults: &'static [Kind],
    /// How many strike, at most.
    pub(crate) strikes: u8,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A process dies. Whatever it had not stored, or not told the group, is forgotten.
    Crash,
    /// A COMMIT is on its way and the connection breaks. It may happen, later, or not.
    LostAnswer,
    /// A transaction fails, and the connection with it.
    Outage,
    /// The group gives a partition to the other consumer. Until the old one hears of it, it is a
    /// zombie: it reads, stores and commits offsets as before.
    Takeover,
    /// The group's offset is set back to the beginning.
    Rewind,
    /// The group's offset is set to the end.
    FastForward,
    /// An older copy of the database comes back.
    Restore,
    /// Retention deletes records from the beginning of the log, read or not.
    Trim,
    /// The client leaves a record out, once in a run: twice the same would be believed.
    Hole,
}

/// A COMMIT without an answer. Its rows are locked until it has happened or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pending {
    pub(crate) work: Work,
}

/// What has happened that no other part of a state tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Noted {
    Nothing,
    /// The log was taken for another one, which it never is here.
    FalseAlarm,
    /// A fence has told that a batch in doubt was stored. Noted only by who looks for it.
    DoubtResolved,
}

/// Everything, at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) database: Database,
    pub(crate) pending: Option<Pending>,
    /// A copy that may come back.
    pub(crate) copy: Option<Box<Database>>,
    pub(crate) low: [i64; PARTITIONS],
    pub(crate) high: [i64; PARTITIONS],
    /// Whom the group has given each partition to.
    pub(crate) owner: [usize; PARTITIONS],
    /// The group's offsets.
    pub(crate) group: [Option<i64>; PARTITIONS],
    pub(crate) consumers: [Consumer; CONSUMERS],
    pub(crate) strikes_left: u8,
    pub(crate) hole_left: bool,
    /// The group's offsets were set from outside, or the database was.
    pub(crate) tampered: bool,
    pub(crate) noted: Noted,
}

/// The model.
pub(crate) struct Protocol {
    pub(crate) scenario: Scenario,
    pub(crate) rules: Rules,
    pub(crate) lost_answer: AppendError,
    pub(crate) outage: AppendError,
    /// Whether it looks for what should be possible, instead of for what should not.
    pub(crate) looks_for_sights: bool,
}

impl Protocol {
    pub(crate) fn new(scenario: Scenario, decisions: Decisions) -> Protocol {
        let broken = || std::io::Error::from(std::io::ErrorKind::ConnectionReset).into();
        Protocol {
            scenario,
            rules: Rules {
                log: Log::new(scenario.log),
                decisions,
                fingerprints: Fingerprints::default(),
                recent_keys: scenario.recent_keys,
            },
            lost_answer: AppendError::Unknown(broken()),
            outage: AppendError::Environment(broken()),
            looks_for_sights: false,
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.rules.log
    }

    pub(crate) fn decisions(&self) -> &Decisions {
        &self.rules.decisions
    }

    /// One consumer owns everything and the other stands by, or each owns a partition.
    pub(crate) fn beginnings(&self) -> Vec<State> {
        let state = |owner| State {
            database: Database::default(),
            pending: None,
            copy: None,
            low: [0; PARTITIONS],
            high: std::array::from_fn(|p| self.log().len(p) - self.scenario.late[p]),
            owner,
            group: [None; PARTITIONS],
            consumers: std::array::from_fn(|_| Consumer::new(self.decisions())),
            strikes_left: self.scenario.strikes,
            hole_left: true,
            tampered: false,
            noted: Noted::Nothing,
        };
        vec![state([0, 0]), state([0, 1])]
    }

    /// Whether a transaction must wait for a pending COMMIT: for the lock on its progress rows, or
    /// on the key of an event.
    pub(crate) fn is_blocked(&self, state: &State, work: &Work) -> bool {
        let Some(pending) = &state.pending else { return false };
        let ids = |work: &Work| -> Vec<char> {
            work.positions().filter_map(|(p, offset)| self.log().identity(p, offset)).map(|(id, _)| id).collect()
        };
        let (theirs, ours) = (ids(&pending.work), ids(work));
        work.parts().any(|(p, _)| pending.work.pieces[p].is_some()) || ours.iter().any(|id| theirs.contains(id))
    }

    /// Whether a start must wait for a pending COMMIT: it reads progress behind the row locks.
    pub(crate) fn start_is_blocked(state: &State, consumer: usize) -> bool {
        let one = &state.consumers[consumer];
        let is_locked = |p: usize| state.pending.as_ref().is_some_and(|pending| pending.work.pieces[p].is_some());
        (0..PARTITIONS).any(|p| one.waits_for(p) && is_locked(p))
    }

    /// The partitions whose progress is not where the consumer believes it to be.
    pub(crate) fn drifted(&self, state: &State, consumer: usize) -> Vec<usize> {
        let has_drifted = self.decisions().has_drifted;
        let readings = state.consumers[consumer].readings();
        readings.filter(|&(p, reading)| has_drifted(reading.believed, state.database.next(p))).map(|(p, _)| p).collect()
    }
}
