//! What can happen in a state. The protocol's own steps never need to be forced: where one is
//! possible, it happens in the end. A fault may strike or not.

use consumer::reading::gap_detector::GapDetector;

use crate::fetching::{Fetched, available, is_out_of_range};
use crate::log::PARTITIONS;
use crate::model::{By, CONSUMERS, Kind, Protocol, State};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The broker gets the records that come late.
    Publish { partition: usize },
    /// A consumer hears that the partition is its own.
    Join { consumer: usize, partition: usize },
    /// A consumer hears that the partition is no longer its own.
    Leave { consumer: usize, partition: usize },
    /// A process that died comes back.
    Rise { consumer: usize },
    /// The group notices a dead process.
    Expire { partition: usize },
    /// A new connection, and the comparison of progress that goes with it.
    Connect { consumer: usize },
    /// The comparison that is due every few seconds.
    Compare { consumer: usize },
    /// A start, first half: progress is read.
    Ask { consumer: usize },
    /// A start, second half: offsets and watermarks are read, and reading begins.
    Begin { consumer: usize },
    /// Records arrive, and make a batch.
    Poll { consumer: usize, counts: [usize; PARTITIONS] },
    /// What is to be read was deleted, or what was read: the partition starts anew.
    OutOfRange { consumer: usize, partition: usize },
    /// The log was found to be another one, in what was read: its next incarnation is opened.
    OpenNextIncarnation { consumer: usize },
    /// A consumer hears that the log has another incarnation.
    Hear { consumer: usize },
    /// An api tells what it suspects.
    Suspect { partition: usize },
    /// What was suspected has been read again.
    Trust { consumer: usize },
    /// One transaction, answered.
    Append { consumer: usize },
    /// The group's offsets are committed.
    TellGroup { consumer: usize },
    /// A COMMIT without an answer has happened, or will not.
    Settle { committed: bool },
    /// Something goes wrong.
    Inject(Fault),
}

/// Something that goes wrong; see [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Crash {
        consumer: usize,
    },
    LostAnswer {
        consumer: usize,
    },
    Outage {
        consumer: usize,
    },
    Takeover {
        partition: usize,
    },
    Rewind {
        partition: usize,
    },
    FastForward {
        partition: usize,
    },
    /// Keeps a copy of the database.
    Copy,
    /// Brings the copy back. Comes with the copy: no strike of its own.
    Restore,
    Trim {
        partition: usize,
        low: i64,
    },
    Hole {
        consumer: usize,
        partition: usize,
    },
    Cut {
        partition: usize,
    },
    Suspicion {
        partition: usize,
    },
    /// A start, second half, with one end of the partition's log that is not true.
    FalseEnd {
        consumer: usize,
        partition: usize,
        end: FalseEnd,
    },
    /// The broker says that it has nothing where the partition is read.
    FalseRange {
        consumer: usize,
        partition: usize,
    },
}

/// An end of a log that is not true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FalseEnd {
    Low(i64),
    High(i64),
}

impl Protocol {
    /// The protocol's own steps.
    pub(crate) fn steps(&self, state: &State, actions: &mut Vec<Action>) {
        for partition in 0..PARTITIONS {
            if state.high[partition] < self.log().len(Self::tape(state, partition)) {
                actions.push(Action::Publish { partition });
            }
            if self.is_suspect(state, partition) {
                actions.push(Action::Suspect { partition });
            }
            let other = 1 - state.owner[partition];
            if !state.consumers[state.owner[partition]].is_up && state.consumers[other].is_up {
                actions.push(Action::Expire { partition });
            }
        }
        if state.pending.is_some() {
            actions.extend([true, false].map(|committed| Action::Settle { committed }));
        }
        (0..CONSUMERS).for_each(|consumer| self.steps_of(state, consumer, actions));
    }

    fn steps_of(&self, state: &State, consumer: usize, actions: &mut Vec<Action>) {
        let one = &state.consumers[consumer];
        if !one.is_up {
            actions.push(Action::Rise { consumer });
            return;
        }
        for partition in 0..PARTITIONS {
            match (state.owner[partition] == consumer, one.believes_to_own(partition)) {
                (true, false) if one.obeys() => actions.push(Action::Join { consumer, partition }),
                (false, true) if one.obeys() => actions.push(Action::Leave { consumer, partition }),
                _ => {}
            }
        }
        if one.is_another_log {
            actions.push(Action::OpenNextIncarnation { consumer });
        } else if one.untold != [None; PARTITIONS] {
            actions.push(Action::TellGroup { consumer });
        } else if one.starting.is_some() {
            actions.push(Action::Begin { consumer });
        } else if !one.is_connected {
            actions.push(Action::Connect { consumer });
        } else if let Some(work) = one.stack.last() {
            if !self.is_blocked(state, work) {
                actions.push(Action::Append { consumer });
            }
        } else {
            self.idle_steps(state, consumer, actions);
        }
    }

    fn idle_steps(&self, state: &State, consumer: usize, actions: &mut Vec<Action>) {
        let one = &state.consumers[consumer];
        if one.log_id() != state.database.newest {
            actions.push(Action::Hear { consumer });
        }
        if self.is_to_compare(state, consumer) {
            actions.push(Action::Compare { consumer });
        }
        if !one.settled_suspicions().is_empty() {
            actions.push(Action::Trust { consumer });
        }
        if one.is_waiting() {
            if !Self::start_is_blocked(state, consumer) {
                actions.push(Action::Ask { consumer });
            }
            return;
        }
        let mut counts = [0; PARTITIONS];
        let is_lost = |(p, detector): &(usize, &GapDetector)| {
            one.is_cut_off[*p] || is_out_of_range(detector, (state.low[*p], state.high[*p]))
        };
        for (p, detector) in one.readings().filter(|reading| !is_lost(reading)) {
            counts[p] = available(detector, self.log(), Self::tape(state, p), state.high[p]);
        }
        let lost = one.readings().filter(is_lost);
        actions.extend(lost.map(|(partition, _)| Action::OutOfRange { consumer, partition }));
        let lags = one.readings().any(|(_, detector)| detector.lags());
        for first in 0..=counts[0] {
            for second in 0..=counts[1] {
                if lags || first + second > 0 {
                    actions.push(Action::Poll { consumer, counts: [first, second] });
                }
            }
        }
    }

    /// What may go wrong.
    pub(crate) fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        if state.copy.as_deref().is_some_and(|copy| *copy != state.database) {
            actions.push(Action::Inject(Fault::Restore));
        }
        if state.strikes_left > 0 {
            let faults = self.scenario.faults.iter().flat_map(|kind| self.faults_of(state, *kind));
            actions.extend(faults.map(Action::Inject));
        }
    }

    fn faults_of(&self, state: &State, kind: Kind) -> Vec<Fault> {
        let partitions = |fault: fn(usize) -> Fault, can: &dyn Fn(usize) -> bool| -> Vec<Fault> {
            (0..PARTITIONS).filter(|&p| can(p)).map(fault).collect()
        };
        let consumers = |fault: fn(usize) -> Fault, can: &dyn Fn(usize) -> bool| -> Vec<Fault> {
            (0..CONSUMERS).filter(|&c| state.consumers[c].is_up && can(c)).map(fault).collect()
        };
        let can_append = |c: usize| {
            let one = &state.consumers[c];
            let free = one.stack.last().is_some_and(|work| !self.is_blocked(state, work));
            one.is_connected && one.untold == [None; PARTITIONS] && free
        };
        match kind {
            Kind::Crash => consumers(|consumer| Fault::Crash { consumer }, &|_| true),
            Kind::LostAnswer => {
                consumers(|consumer| Fault::LostAnswer { consumer }, &|c| state.pending.is_none() && can_append(c))
            }
            Kind::Outage => consumers(|consumer| Fault::Outage { consumer }, &can_append),
            Kind::Takeover => {
                partitions(|partition| Fault::Takeover { partition }, &|p| state.consumers[1 - state.owner[p]].is_up)
            }
            Kind::Rewind => {
                partitions(|partition| Fault::Rewind { partition }, &|p| state.group[p].is_some_and(|at| at > 0))
            }
            Kind::FastForward => {
                partitions(|partition| Fault::FastForward { partition }, &|p| state.group[p] != Some(state.high[p]))
            }
            Kind::Restore if state.copy.is_none() => vec![Fault::Copy],
            Kind::Lie if state.lie_left => lies(state),
            Kind::Restore | Kind::Lie => Vec::new(),
            Kind::Trim => {
                let trims = |partition: usize| {
                    (state.low[partition] + 1..=state.high[partition]).map(move |low| Fault::Trim { partition, low })
                };
                (0..PARTITIONS).flat_map(trims).collect()
            }
            Kind::Hole => self.holes(state),
            Kind::Cut => partitions(|partition| Fault::Cut { partition }, &|p| self.can_be_cut(state, p)),
            Kind::Suspicion => partitions(|partition| Fault::Suspicion { partition }, &|p| {
                state.suspicion_left[p] && state.database.next(p) > Some(0)
            }),
        }
    }

    fn can_be_cut(&self, state: &State, p: usize) -> bool {
        let Some(refill) = self.log().refill(p) else { return false };
        let is_read = state.consumers.iter().any(|one| one.readings().any(|(read, _)| read == p));
        let is_brought = state.consumers.iter().any(|one| one.stack.iter().any(|work| work.pieces[p].is_some()));
        let is_unseen = match self.scenario.noticed_by {
            By::Client => true,
            By::Api => !is_brought && state.database.next(p) == Some(state.high[p]),
            By::Nobody => !is_brought && !is_read,
        };
        // There are two incarnations, at most.
        let is_first = !state.is_cut.contains(&true);
        is_first && is_unseen && state.high[p] > refill.from
    }

    /// Whether an api got an offset that was stored already.
    fn is_suspect(&self, state: &State, p: usize) -> bool {
        let is_given = |from| state.high[p] > from && state.database.newest == 1;
        let has_begun = self.log().refill(p).is_some_and(|refill| is_given(refill.from));
        self.scenario.noticed_by == By::Api && state.suspicion_left[p] && self.has_lost(state, p) && has_begun
    }

    fn holes(&self, state: &State) -> Vec<Fault> {
        let mut holes = Vec::new();
        for (consumer, one) in state.consumers.iter().enumerate() {
            if !state.hole_left || !one.is_idle() || !one.is_connected || one.is_waiting() {
                continue;
            }
            let has_some = |&(p, detector): &(usize, &GapDetector)| {
                let tape = Self::tape(state, p);
                let has_record = self.log().records(tape, detector.reads_from(), state.high[p]).next().is_some();
                has_record && !is_out_of_range(detector, (state.low[p], state.high[p]))
            };
            holes.extend(one.readings().filter(has_some).map(|(partition, _)| Fault::Hole { consumer, partition }));
        }
        holes
    }

    /// What a poll fetches.
    pub(crate) fn fetched(state: &State, counts: [usize; PARTITIONS]) -> [Fetched; PARTITIONS] {
        let of = |p| Fetched { tape: Self::tape(state, p), high: state.high[p], count: counts[p], missed: false };
        std::array::from_fn(of)
    }

    /// A fetch of one partition that leaves its first record out.
    pub(crate) fn with_a_hole(state: &State, partition: usize) -> [Fetched; PARTITIONS] {
        let mut fetched = Self::fetched(state, [0; PARTITIONS]);
        fetched[partition] = Fetched { count: usize::MAX, missed: true, ..fetched[partition] };
        fetched
    }
}

fn lies(state: &State) -> Vec<Fault> {
    let mut lies = Vec::new();
    for (consumer, one) in state.consumers.iter().enumerate().filter(|(_, one)| one.is_up) {
        if one.starting.is_some() && one.untold == [None; PARTITIONS] {
            for partition in (0..PARTITIONS).filter(|&p| one.waits_for(p)) {
                let (low, high) = (state.low[partition], state.high[partition]);
                let ends = (low..high).map(FalseEnd::High).chain((low + 1..=high).map(FalseEnd::Low));
                lies.extend(ends.map(|end| Fault::FalseEnd { consumer, partition, end }));
            }
        } else if one.obeys() {
            lies.extend(one.readings().map(|(partition, _)| Fault::FalseRange { consumer, partition }));
        }
    }
    lies
}
