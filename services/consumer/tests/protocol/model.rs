//! The protocol as a state machine: two consumers, a log, a database, and what can go wrong.

use store::AppendError;
use store::recent::Fingerprints;

use crate::database::{Database, Progress, Rules};
use crate::decisions::{Decisions, Habit};
use crate::log::{At, Log, PARTITIONS, Refill, Slot};
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
    /// What a partition holds in place of what it loses.
    pub(crate) refills: [Option<Refill>; PARTITIONS],
    /// Who notices that it is lost.
    pub(crate) noticed_by: By,
    /// Keys that a connection remembers, at most.
    pub(crate) recent_keys: usize,
    pub(crate) faults: &'static [Kind],
    /// How many strike, at most.
    pub(crate) strikes: u8,
}

/// Who notices that a partition has lost its end and was filled anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Whoever reads it: the broker tells the epochs of leaders. Only of these the client knows them.
    Client,
    /// An api, which gets an offset that was stored already. It is lost while all of it is stored.
    Api,
    /// Nobody. It is lost while nobody reads it.
    Nobody,
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
    /// A partition loses its end, and other records take its place, once in a run.
    Cut,
    /// An api suspects the log without a reason, once in a run.
    Suspicion,
    /// The broker says once in a run what is not true: of where a log ends, or of what it has.
    Lie,
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
    /// The log was taken for another one, which it is not.
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
    /// Partitions that have lost their end.
    pub(crate) is_cut: [bool; PARTITIONS],
    /// Partitions of which an api has not told yet what it suspects.
    pub(crate) suspicion_left: [bool; PARTITIONS],
    /// Whom the group has given each partition to.
    pub(crate) owner: [usize; PARTITIONS],
    /// The group's offsets.
    pub(crate) group: [Option<i64>; PARTITIONS],
    pub(crate) consumers: [Consumer; CONSUMERS],
    pub(crate) strikes_left: u8,
    pub(crate) hole_left: bool,
    pub(crate) lie_left: bool,
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
    pub(crate) checks_sometimes: bool,
}

impl Protocol {
    pub(crate) fn new(scenario: Scenario, decisions: Decisions) -> Protocol {
        let broken = || std::io::Error::from(std::io::ErrorKind::ConnectionReset).into();
        Protocol {
            scenario,
            rules: Rules {
                log: Log::new(scenario.log, scenario.refills, scenario.noticed_by == By::Client),
                decisions,
                fingerprints: Fingerprints::default(),
                recent_keys: scenario.recent_keys,
            },
            lost_answer: AppendError::Unknown(broken()),
            outage: AppendError::Environment(broken()),
            checks_sometimes: false,
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
            is_cut: [false; PARTITIONS],
            suspicion_left: [true; PARTITIONS],
            owner,
            group: [None; PARTITIONS],
            consumers: std::array::from_fn(|_| Consumer::new(self.decisions())),
            strikes_left: self.scenario.strikes,
            hole_left: true,
            lie_left: true,
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
            work.slots(self.log()).filter_map(|slot| self.log().identity(slot)).map(|(id, _)| id).collect()
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

    /// Whether a comparison would find progress elsewhere than the consumer believes, or a suspicion.
    pub(crate) fn is_to_compare(&self, state: &State, consumer: usize) -> bool {
        let one = &state.consumers[consumer];
        let has_drifted = self.decisions().has_drifted;
        one.readings().any(|(p, reading)| {
            let row = state.database.incarnation(one.log_id()).progress[p];
            let suspected = self.suspected(row);
            has_drifted(reading.believed, row.map(|row| row.next))
                || (suspected.is_some() && suspected != reading.suspicion)
        })
    }

    pub(crate) fn suspected(&self, row: Option<Progress>) -> Option<i64> {
        row.and_then(|row| row.suspected).filter(|_| !self.decisions().have(Habit::IgnoresSuspicions))
    }

    /// What a partition holds now.
    pub(crate) fn tape(state: &State, partition: usize) -> usize {
        Log::tape(partition, state.is_cut[partition])
    }

    /// Every record that is in the log now.
    pub(crate) fn present(&self, state: &State) -> Vec<Slot> {
        (0..PARTITIONS).flat_map(|p| self.log().slots(Self::tape(state, p))).collect()
    }

    /// Whether the log has lost what was stored from it in this incarnation.
    pub(crate) fn has_lost(&self, state: &State, partition: usize) -> bool {
        let next = state.database.incarnation(1).next(partition);
        let is_below = |refill: Refill| next.is_some_and(|next| next > refill.from);
        state.is_cut[partition] && self.log().refill(partition).is_some_and(is_below)
    }
}
