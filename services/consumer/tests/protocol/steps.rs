//! What each action does.

use std::time::Instant;

use consumer::OnTrimmed;
use consumer::policy::{Known, Next, Start};
use consumer::reading::inbox::Order;
use store::AppendError;

use crate::actions::{Action, FalseEnd, Fault};
use crate::database::Remembered;
use crate::decisions::Habit;
use crate::fetching::Fetched;
use crate::incarnations::trust;
use crate::log::{EPOCH, PARTITIONS};
use crate::model::{Noted, Pending, Protocol, State};
use crate::process::{Asked, Consumer};
use crate::work::Work;

impl Protocol {
    /// Carries the action out.
    pub(crate) fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Publish { partition } => state.high[partition] = self.log().len(Self::tape(state, partition)),
            Action::Join { consumer, partition } => self.order(state, consumer, &Order::Own(partition as i32)),
            Action::Leave { consumer, partition } => self.order(state, consumer, &Order::GiveUp(partition as i32)),
            Action::Rise { consumer } => state.consumers[consumer] = Consumer::new(self.decisions()),
            Action::Expire { partition } => state.owner[partition] = 1 - state.owner[partition],
            Action::Connect { consumer } => {
                state.consumers[consumer].is_connected = true;
                self.compare(state, consumer);
            }
            Action::Compare { consumer } => self.compare(state, consumer),
            Action::Ask { consumer } => self.ask(state, consumer),
            Action::Begin { consumer } => self.begin(state, consumer, None),
            Action::Poll { consumer, counts } => {
                let fetched = Self::fetched(state, counts);
                self.poll(state, consumer, fetched);
            }
            Action::Append { consumer } => self.append(state, consumer),
            Action::OutOfRange { consumer, partition } => self.out_of_range(state, consumer, partition),
            Action::OpenNextIncarnation { consumer } => self.open_next_incarnation(state, consumer),
            Action::Hear { consumer } => self.hear(state, consumer),
            Action::Suspect { partition } => self.suspect(state, partition),
            Action::Trust { consumer } => trust(state, consumer),
            Action::TellGroup { consumer } => tell_group(state, consumer),
            Action::Settle { committed } => self.settle(state, committed),
            Action::Inject(fault) => self.inject(state, fault),
        }
    }

    fn order(&self, state: &mut State, consumer: usize, order: &Order) {
        state.consumers[consumer].act(self.decisions(), |partitions| partitions.order(order, Instant::now()));
    }

    fn out_of_range(&self, state: &mut State, consumer: usize, partition: usize) {
        self.order(state, consumer, &Order::OutOfRange { partition: partition as i32, epoch: EPOCH });
    }

    fn ask(&self, state: &mut State, consumer: usize) {
        let one = &mut state.consumers[consumer];
        let incarnation = state.database.incarnation(one.log_id());
        one.starting = Some(std::array::from_fn(|p| {
            if !one.waits_for(p) {
                Asked::No
            } else if self.decisions().have(Habit::AsksTheBrokerFirst) {
                Asked::High(state.high[p])
            } else {
                Asked::Row(incarnation.progress[p])
            }
        }));
    }

    fn compare(&self, state: &mut State, consumer: usize) {
        let one = &mut state.consumers[consumer];
        let incarnation = state.database.incarnation(one.log_id());
        let row = |p: usize| {
            let row = incarnation.progress[p]?;
            Some(store::Progress {
                partition: p as i32,
                first_offset: row.first,
                next_offset: row.next,
                consumed: row.consumed,
                witness: row.witness,
                suspected_offset: self.suspected(Some(row)),
            })
        };
        let found: Vec<store::Progress> = (0..PARTITIONS).filter_map(row).collect();
        let in_doubt: Vec<i32> = one.stack.iter().flat_map(Work::partitions_in_doubt).collect();
        one.act(self.decisions(), |partitions| partitions.compare(&found, &in_doubt));
    }

    fn begin(&self, state: &mut State, consumer: usize, lie: Option<(usize, FalseEnd)>) {
        let Some(asked) = state.consumers[consumer].starting.take() else { return };
        let log_id = state.consumers[consumer].log_id();
        for (p, asked) in asked.into_iter().enumerate() {
            let (row, high) = match asked {
                Asked::No => continue,
                Asked::Row(row) => (row, state.high[p]),
                Asked::High(high) => (state.database.incarnation(log_id).progress[p], high),
            };
            let mut known = Known {
                low: state.low[p],
                high,
                committed: state.group[p],
                next: row.map(|row| row.next),
                witness: row.and_then(|row| row.witness),
                first: row.filter(|row| row.consumed == 0).map(|row| row.first),
                suspected: row.and_then(|row| row.suspected),
                seen: state.consumers[consumer].seen(p),
            };
            match lie {
                Some((of, FalseEnd::Low(low))) if of == p => known.low = low,
                Some((of, FalseEnd::High(high))) if of == p => known.high = high,
                _ => {}
            }
            let start = (self.decisions().start)(known);
            if let Start::Begin { at } = start {
                if !state.consumers[consumer].is_connected {
                    // The row can't be written: all of it is tried again over the next connection.
                    return;
                }
                state.database.incarnation_mut(log_id).begin(p, at);
            }
            if start == Start::AnotherLog {
                self.open_next_incarnation(state, consumer);
                return;
            }
            state.consumers[consumer]
                .act(self.decisions(), |all| all.begin(p as i32, start, OnTrimmed::Continue, Instant::now()));
        }
    }

    fn poll(&self, state: &mut State, consumer: usize, fetched: [Fetched; PARTITIONS]) {
        let one = &mut state.consumers[consumer];
        one.poll(fetched, self.log(), self.decisions());
        if self.decisions().have(Habit::TellsFirst) {
            for (p, piece) in one.stack.iter().flat_map(Work::parts) {
                state.group[p] = Some(piece.end_offset);
            }
        }
    }

    fn append(&self, state: &mut State, consumer: usize) {
        let one = &mut state.consumers[consumer];
        let Some(work) = one.stack.pop() else { return };
        match self.rules.transact(&state.database, &work, one.remembered) {
            Ok((database, remembered)) => {
                state.database = database;
                one.remembered = remembered;
                one.moved(&work, self.decisions());
            }
            Err(failure) => self.failed(state, consumer, work, &failure),
        }
    }

    /// What the shell does with the decision.
    fn failed(&self, state: &mut State, consumer: usize, mut work: Work, failure: &AppendError) {
        let one = &mut state.consumers[consumer];
        one.forget_keys(self.decisions());
        let next = (self.decisions().after)(failure, &work.moves(), work.slots(self.log()).count(), work.in_doubt);
        match next {
            Next::Committed => {
                one.moved(&work, self.decisions());
                if self.checks_sometimes && work.in_doubt {
                    state.noted = Noted::DoubtResolved;
                }
            }
            Next::Restart(drifted) => {
                one.stack.push(work);
                one.act(self.decisions(), |partitions| partitions.restart(&drifted));
            }
            Next::NextIncarnation => self.open_next_incarnation(state, consumer),
            Next::Halve => match work.halve(self.log()) {
                Some([first, second]) => one.stack.extend([second, first]),
                None => one.stack.push(work),
            },
            Next::Blame(_) if !work.blamed => {
                work.blamed = true;
                one.stack.push(work);
            }
            Next::Again => one.stack.push(work),
            Next::Wait | Next::WaitInDoubt | Next::Blame(_) => {
                work.in_doubt |= next == Next::WaitInDoubt;
                one.disconnect(self.decisions());
                one.stack.push(work);
            }
        }
    }

    fn settle(&self, state: &mut State, committed: bool) {
        let Some(Pending { work }) = state.pending.take() else { return };
        if !committed {
            return;
        }
        // It was past its fence, and its locks have kept everything as it was.
        if let Ok((database, _)) = self.rules.transact(&state.database, &work, Remembered::default()) {
            state.database = database;
        }
    }

    fn inject(&self, state: &mut State, fault: Fault) {
        if fault != Fault::Restore {
            state.strikes_left -= 1;
        }
        match fault {
            Fault::Crash { consumer } => state.consumers[consumer] = Consumer::crashed(self.decisions()),
            Fault::LostAnswer { consumer } => self.lose_answer(state, consumer),
            Fault::Outage { consumer } => {
                if let Some(work) = state.consumers[consumer].stack.pop() {
                    self.failed(state, consumer, work, &self.outage);
                }
            }
            Fault::Takeover { partition } => state.owner[partition] = 1 - state.owner[partition],
            Fault::Rewind { partition } => state.group[partition] = Some(0),
            Fault::FastForward { partition } => {
                state.group[partition] = Some(state.high[partition]);
                state.tampered = true;
            }
            Fault::Trim { partition, low } => state.low[partition] = low,
            Fault::Copy => state.copy = Some(Box::new(state.database.clone())),
            Fault::Restore => self.restore(state),
            Fault::FalseEnd { consumer, partition, end } => {
                state.lie_left = false;
                self.begin(state, consumer, Some((partition, end)));
            }
            Fault::FalseRange { consumer, partition } => {
                state.lie_left = false;
                self.out_of_range(state, consumer, partition);
            }
            Fault::Hole { consumer, partition } => {
                state.hole_left = false;
                let fetched = Self::with_a_hole(state, partition);
                self.poll(state, consumer, fetched);
            }
            Fault::Cut { partition } => self.cut(state, partition),
            Fault::Suspicion { partition } => self.suspect(state, partition),
        }
    }

    /// The COMMIT is on its way when the connection breaks; before it, the fence may have missed.
    fn lose_answer(&self, state: &mut State, consumer: usize) {
        let one = &mut state.consumers[consumer];
        let Some(work) = one.stack.pop() else { return };
        match self.rules.transact(&state.database, &work, one.remembered) {
            Ok(_) => {
                state.pending = Some(Pending { work: work.clone() });
                self.failed(state, consumer, work, &self.lost_answer);
            }
            Err(failure) => self.failed(state, consumer, work, &failure),
        }
    }

    fn restore(&self, state: &mut State) {
        let Some(copy) = state.copy.take() else { return };
        state.database = *copy;
        state.pending = None;
        state.tampered = true;
        for one in state.consumers.iter_mut().filter(|one| one.is_up) {
            one.disconnect(self.decisions());
        }
    }
}

fn tell_group(state: &mut State, consumer: usize) {
    for (p, offset) in state.consumers[consumer].untold.iter_mut().enumerate() {
        if let Some(offset) = offset.take() {
            state.group[p] = Some(offset);
        }
    }
}
