//! The verdict wait: one task asks the database for everybody who waits.
//!
//! A request hands over its records' positions and awaits an answer; it holds no connection and no
//! lock. While anybody waits, the task looks at `progress`, about every millisecond or, where nothing moves, less
//! often, and asks in one statement for the outcomes of all whose records have been passed. A request that has gone, or
//! whose time is up, has dropped its end and is forgotten at the next look. Every two seconds
//! the task looks at all partitions: the records of those who never wait may lie below what was stored, too.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reminder::Reminder;
use store::verdicts::{AppendedRecord, Verdict, VerdictReader};
use store::{LogId, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::config::VerdictConfig;
use crate::http::limit_hits::Limit;
use crate::planted;
use crate::upstream::status::StatusBoard;
use crate::verdicts::outcome::Outcome;
use crate::verdicts::policy::{self, Needs, Pace, StoredBefore, WaitState};
use crate::verdicts::suspicions::Suspicions;

/// Between two looks at all partitions, whoever waits.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(2);
/// How long a look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// Records asked for in one statement, but for the last request's: bounds its size, and how long
/// the first to ask waits for it.
const ASK_AT_MOST: usize = 20_000;
/// Requests handed over and not yet taken by the task.
const HAND_OVER: usize = 1_024;

/// Where requests wait for their verdicts. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct VerdictWaiter {
    hand_over: mpsc::Sender<Waiter>,
    room: Arc<Semaphore>,
    board: StatusBoard,
    stored_before: Arc<Mutex<StoredBefore>>,
    suspicions: Suspicions,
    shutdown: CancellationToken,
    max_waiting: usize,
}

/// What a wait came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// One outcome per record, in their order.
    Known(Vec<Outcome>),
    /// No verdict: not in time, not likely in time, too many waiting, the tables don't say, or the
    /// records lie in another log than the one that is known.
    NotKnown,
}

/// A request that waits.
#[derive(Debug)]
struct Waiter {
    records: Arc<[AppendedRecord]>,
    needs: Needs,
    log_id: LogId,
    deadline: Instant,
    answer: oneshot::Sender<Waited>,
    /// Its share of what may wait at all.
    _room: OwnedSemaphorePermit,
}

impl VerdictWaiter {
    /// The place to wait, and the task that serves it; the task ends when the last clone is gone.
    pub(crate) fn new(
        config: &VerdictConfig,
        reader: VerdictReader,
        board: StatusBoard,
        shutdown: CancellationToken,
    ) -> (VerdictWaiter, impl Future<Output = ()> + use<>) {
        let (hand_over, handed_over) = mpsc::channel(HAND_OVER);
        let stored_before = Arc::<Mutex<StoredBefore>>::default();
        let watch = VerdictLoop {
            reader,
            board: board.clone(),
            stored_before: Arc::clone(&stored_before),
            handed_over,
            waiters: Vec::new(),
            pace: Pace::default(),
            look_interval: config.look_interval,
            moved: Instant::now(),
            small_backlog: config.small_backlog,
            slow: Reminder::new(),
            look_at_all: Instant::now(),
        };
        let room = Arc::new(Semaphore::new(config.max_waiting));
        let (max_waiting, suspicions) = (config.max_waiting, Suspicions::default());
        (VerdictWaiter { hand_over, room, board, stored_before, suspicions, shutdown, max_waiting }, watch.run())
    }

    /// Positions that were refused.
    pub(crate) fn suspicions(&self) -> Suspicions {
        self.suspicions.clone()
    }

    /// How far the log was stored at the last look.
    pub(crate) fn stored_before(&self) -> StoredBefore {
        locked(&self.stored_before).clone()
    }

    /// Waits until these records' verdicts are known, at most so long. Dropping the future ends the wait.
    /// `stored_before` is that of a moment before they were appended.
    pub(crate) async fn outcomes(
        &self,
        records: Arc<[AppendedRecord]>,
        at_most: Duration,
        stored_before: &StoredBefore,
    ) -> Waited {
        let Some(log_id) = self.board.now().log else {
            return Waited::NotKnown;
        };
        // Also of a request that does not wait: its records have to be found.
        if !self.admits(log_id, &records, stored_before) || at_most.is_zero() {
            return Waited::NotKnown;
        }
        let Some(answer) = self.register(records, log_id, Instant::now() + at_most) else {
            return Waited::NotKnown;
        };
        tokio::select! {
            waited = timeout(at_most, answer) => waited.ok().and_then(Result::ok).unwrap_or(Waited::NotKnown),
            // The events are kept; a publisher must not hold the shutdown up for more.
            () = self.shutdown.cancelled() => Waited::NotKnown,
        }
    }

    /// Events of all requests that wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.max_waiting.saturating_sub(self.room.available_permits())
    }

    /// Whether the records can lie in this log; if not, it is suspected.
    fn admits(&self, log_id: LogId, records: &[AppendedRecord], stored_before: &StoredBefore) -> bool {
        let positions = || records.iter().map(|record| (record.partition, record.offset));
        if stored_before.admits(log_id, positions()) || planted::any_position_is_believed() {
            return true;
        }
        // Looks are made for those who wait: without this nobody would, once there is another log.
        locked(&self.stored_before).note(log_id, &[]);
        self.suspicions.note(log_id, stored_before.refused(log_id, positions()));
        false
    }

    fn register(
        &self,
        records: Arc<[AppendedRecord]>,
        log_id: LogId,
        deadline: Instant,
    ) -> Option<oneshot::Receiver<Waited>> {
        let needs = policy::needs(records.iter().map(|record| (record.partition, record.offset)));
        let upstream = self.board.now();
        if upstream.waiting_is_hopeless() || upstream.lie_behind_a_transaction(&needs) {
            return None;
        }
        drop(upstream);
        let room = Arc::clone(&self.room).try_acquire_many_owned(records.len() as u32);
        let room = room.inspect_err(|_| Limit::VerdictMaxWaiting.hit()).ok()?;
        let (answer, answered) = oneshot::channel();
        let waiter = Waiter { records, needs, log_id, deadline, answer, _room: room };
        self.hand_over.try_send(waiter).inspect_err(|_| Limit::VerdictMaxWaiting.hit()).ok()?;
        Some(answered)
    }
}

/// The state of the one task that reads verdicts.
struct VerdictLoop {
    reader: VerdictReader,
    board: StatusBoard,
    stored_before: Arc<Mutex<StoredBefore>>,
    handed_over: mpsc::Receiver<Waiter>,
    waiters: Vec<Waiter>,
    pace: Pace,
    look_interval: Duration,
    /// When anything that is waited for was last seen to have moved, or the first of them came.
    moved: Instant,
    small_backlog: i64,
    slow: Reminder,
    /// When all partitions are to be looked at.
    look_at_all: Instant,
}

impl VerdictLoop {
    async fn run(mut self) {
        loop {
            if self.waiters.is_empty() {
                match timeout_at(self.look_at_all.into(), self.handed_over.recv()).await {
                    Ok(Some(waiter)) => {
                        self.waiters.push(waiter);
                        self.moved = Instant::now();
                    }
                    Ok(None) => return,
                    Err(_) => {}
                }
            }
            if Instant::now() >= self.look_at_all {
                self.look_at_all().await;
                self.look_at_all = Instant::now() + LOOK_AT_ALL_EVERY;
                continue;
            }
            while let Ok(waiter) = self.handed_over.try_recv() {
                self.waiters.push(waiter);
            }
            self.waiters.retain(|waiter| !waiter.answer.is_closed());
            match timeout(LOOK_TIMEOUT, self.look()).await {
                Ok(Ok(())) => {
                    self.slow.works(Instant::now());
                }
                Ok(Err(error)) => self.give_up(&error),
                Err(_) => self.let_go(),
            }
            tokio::time::sleep(policy::look_after(self.moved.elapsed(), self.look_interval)).await;
        }
    }

    /// Reads how far the log is stored, for [`StoredBefore`] alone.
    async fn look_at_all(&mut self) {
        let Some(log_id) = self.board.now().log else { return };
        match timeout(LOOK_TIMEOUT, self.reader.all_next_offsets(log_id)).await {
            Ok(Ok(next_offsets)) => locked(&self.stored_before).note(log_id, &next_offsets),
            // Whether the database answers is the ping's to say.
            Ok(Err(error)) => tracing::debug!(%error, "how far the log is stored can't be read"),
            Err(_) => tracing::debug!("how far the log is stored can't be read in time"),
        }
    }

    /// Reads how far the log is stored, and answers whoever can be answered.
    async fn look(&mut self) -> Result<(), StoreError> {
        let Some(log_id) = self.board.now().log else {
            return Ok(());
        };
        // Another log has begun: their positions say nothing about it.
        answer_all(extract(&mut self.waiters, |waiter| waiter.log_id != log_id));
        let partitions: BTreeSet<i32> =
            self.waiters.iter().flat_map(|waiter| waiter.needs.iter().map(|(partition, _)| *partition)).collect();
        let partitions: Vec<i32> = partitions.into_iter().collect();
        let next_offsets = self.reader.next_offsets(log_id, &partitions).await?;
        locked(&self.stored_before).note(log_id, &next_offsets);
        let now = Instant::now();
        if self.pace.note(now, &partitions, &next_offsets) {
            self.moved = now;
        }
        let (pace, small) = (&self.pace, self.small_backlog);
        let standing =
            |waiter: &Waiter| pace.standing(&waiter.needs, waiter.deadline.saturating_duration_since(now), small);
        answer_all(extract(&mut self.waiters, |waiter| standing(waiter) == WaitState::Hopeless));
        let mut passed = extract(&mut self.waiters, |waiter| standing(waiter) == WaitState::Passed);
        while !passed.is_empty() {
            let together = take_together(&mut passed);
            if let Err(error) = self.ask(log_id, together).await {
                answer_all(passed);
                return Err(error);
            }
        }
        // What made waiting worth while may have ended since they began, or was not known then.
        let upstream = self.board.now();
        let is_hopeless = upstream.waiting_is_hopeless();
        answer_all(extract(&mut self.waiters, |waiter| {
            is_hopeless || upstream.lie_behind_a_transaction(&waiter.needs)
        }));
        Ok(())
    }

    /// Asks for the verdicts of these requests in one statement, and answers them.
    async fn ask(&mut self, log_id: LogId, waiters: Vec<Waiter>) -> Result<(), StoreError> {
        let records: Vec<&AppendedRecord> = waiters.iter().flat_map(|waiter| waiter.records.iter()).collect();
        let verdicts = self.reader.verdicts(log_id, &records).await?;
        let mut verdicts = verdicts.into_iter();
        for waiter in waiters {
            let own: Vec<Verdict> = verdicts.by_ref().take(waiter.records.len()).collect();
            let outcomes: Option<Vec<Outcome>> = own.into_iter().map(Outcome::of).collect();
            // The request may have gone meanwhile.
            let _ = waiter.answer.send(outcomes.map_or(Waited::NotKnown, Waited::Known));
        }
        Ok(())
    }

    /// Slow is not gone: whether the database answers is the ping's to say.
    fn let_go(&mut self) {
        const SAID: &str = "verdicts are read too slowly; who waits is told that all is kept";
        if let Some(lasted) = self.slow.fails(SAID, Instant::now()) {
            tracing::warn!(waiting = self.waiters.len(), for_s = lasted.as_secs(), "{SAID}");
        }
        answer_all(std::mem::take(&mut self.waiters));
    }

    /// The database does not answer: nobody's verdict will come soon.
    fn give_up(&mut self, why: &dyn std::fmt::Display) {
        tracing::debug!(error = %why, waiting = self.waiters.len(), "verdicts can't be read");
        self.board.database_fails(why);
        answer_all(std::mem::take(&mut self.waiters));
    }
}

// A poisoned mutex still holds a whole value: each change to it is one call.
fn locked(stored_before: &Mutex<StoredBefore>) -> MutexGuard<'_, StoredBefore> {
    stored_before.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes out who meets the condition; the others stay in their order.
fn extract(waiters: &mut Vec<Waiter>, condition: impl Fn(&Waiter) -> bool) -> Vec<Waiter> {
    waiters.extract_if(.., |waiter| condition(waiter)).collect()
}

/// Takes so many from the front as one statement asks for, at least one.
fn take_together(waiters: &mut Vec<Waiter>) -> Vec<Waiter> {
    let mut records = 0;
    let count = waiters.iter().take_while(|waiter| {
        let fits = records == 0 || records + waiter.records.len() <= ASK_AT_MOST;
        records += waiter.records.len();
        fits
    });
    let count = count.count();
    waiters.drain(..count).collect()
}

fn answer_all(waiters: Vec<Waiter>) {
    for waiter in waiters {
        let _ = waiter.answer.send(Waited::NotKnown);
    }
}
