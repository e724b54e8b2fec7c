//! One writer's loop: it owns some partitions and one database connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker::LogClient;
use broker::consume::Reader;
use planted::Bug;
use store::Writer;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::commits::Commits;
use crate::decide::{Start, has_drifted};
use crate::inbox::{Inbox, Order};
use crate::intake::Intake;
use crate::repeats::Repeats;
use crate::run::ConsumerError;
use crate::status::{Part, Status};
use crate::together::Together;
use crate::watch::{Current, LogWatch};
use crate::{Config, OnTrimmed, start};

/// How often an idle writer compares progress with what it believes.
const COMPARE_EVERY: Duration = Duration::from_secs(5);

/// What all writers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) reader: Reader,
    pub(crate) broker: LogClient,
    pub(crate) watch: Arc<LogWatch>,
    pub(crate) together: Arc<Together>,
    pub(crate) status: Status,
    pub(crate) shutdown: CancellationToken,
}

/// One writer.
pub(crate) struct Task {
    pub(crate) shared: Shared,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) writer: Writer,
    pub(crate) log: watch::Receiver<Option<Arc<Current>>>,
    /// The log that `owned` belongs to.
    pub(crate) current: Option<Arc<Current>>,
    pub(crate) owned: BTreeMap<i32, Intake>,
    /// Assigned to us, whether or not they are read.
    assigned: BTreeSet<i32>,
    /// Those of them whose start is yet to be found out.
    waiting: BTreeSet<i32>,
    pub(crate) commits: Commits,
    pub(crate) repeats: Repeats,
    pub(crate) backoff: Backoff,
    compare_at: Instant,
    /// Partitions are not started before this: the broker could not be asked.
    start_at: Instant,
    start_backoff: Backoff,
}

impl Task {
    pub(crate) fn new(shared: Shared, inbox: Arc<Inbox>, writer: Writer) -> Self {
        let log = shared.watch.subscribe();
        Task {
            shared,
            inbox,
            writer,
            log,
            current: None,
            owned: BTreeMap::new(),
            assigned: BTreeSet::new(),
            waiting: BTreeSet::new(),
            commits: Commits::default(),
            repeats: Repeats::new(),
            backoff: Backoff::default(),
            compare_at: Instant::now() + COMPARE_EVERY,
            start_at: Instant::now(),
            start_backoff: Backoff::default(),
        }
    }

    /// Runs until the shutdown, and ends between two transactions.
    pub(crate) async fn run(mut self) {
        while !self.shared.shutdown.is_cancelled() {
            match self.turn().await {
                Ok(()) if self.inbox.is_empty() => self.wait().await,
                Ok(()) => {}
                Err(error) => {
                    self.shared.status.failed(&error);
                    self.writer.disconnect();
                    self.pause().await;
                }
            }
        }
        self.commit_all();
        self.writer.close().await;
    }

    /// Tells the group what is due.
    pub(crate) fn commit_due(&mut self) {
        let offsets = self.commits.take_due(Instant::now().into_std());
        self.tell_group(&offsets);
    }

    /// Tells the group everything, before partitions go.
    fn commit_all(&mut self) {
        let offsets = self.commits.take_all(Instant::now().into_std());
        self.tell_group(&offsets);
    }

    fn tell_group(&self, offsets: &[(i32, i64)]) {
        if !offsets.is_empty() {
            self.shared.reader.commit(offsets);
        }
    }

    /// Orders, starts, the comparison when it is due, and one batch.
    async fn turn(&mut self) -> Result<(), ConsumerError> {
        if self.inbox.is_empty() || !planted::on(Bug::ProgressPastDropped) {
            self.obey();
        }
        self.adopt_log();
        let now = Instant::now();
        let starts = !self.waiting.is_empty() && now >= self.start_at;
        if starts || now >= self.compare_at {
            self.connect().await?;
            if starts {
                self.try_to_start().await?;
            }
            self.compare().await?;
            self.shared.status.working(Part::Database);
        }
        let arrived = self.inbox.take(self.shared.config.batch_records, self.shared.config.batch_bytes);
        if let Some(work) = self.take_in(arrived) {
            if planted::on(Bug::CommitBeforeStore) {
                work.moves().iter().for_each(|slice| self.commits.note(slice.partition, slice.upto));
                self.commit_all();
            }
            self.store(work).await;
        }
        Ok(())
    }

    async fn wait(&mut self) {
        let shutdown = self.shared.shutdown.clone();
        let now = Instant::now().into_std();
        let commit_at = self.commits.due(now).map_or(self.compare_at, Instant::from_std);
        tokio::select! {
            () = tokio::time::sleep_until(commit_at) => self.commit_due(),
            () = self.inbox.news() => {}
            _ = self.log.changed() => {}
            () = tokio::time::sleep_until(self.compare_at) => {}
            () = tokio::time::sleep_until(self.start_at), if !self.waiting.is_empty() && self.current.is_some() => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// A broker that can't be asked holds up those that wait for their start, and nobody else.
    async fn try_to_start(&mut self) -> Result<(), ConsumerError> {
        match self.start_waiting().await {
            Ok(()) => {
                self.start_backoff = Backoff::default();
                // Those that are left wait for the log to be known.
                self.start_at = Instant::now() + COMPARE_EVERY;
                Ok(())
            }
            Err(error @ (ConsumerError::Broker(_) | ConsumerError::NoWatermarks(_))) => {
                self.shared.status.failed(&error);
                tracing::debug!(%error, partitions = ?self.waiting, "not started yet");
                self.start_at = Instant::now() + self.start_backoff.next();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Waits with growing intervals; orders end it early, so that a revoked partition is let go
    /// also while the database is down.
    pub(crate) async fn pause(&mut self) {
        let until = Instant::now() + self.backoff.next();
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.shared.shutdown.cancelled() => return,
                () = self.inbox.news() => self.obey(),
            }
        }
    }

    /// Carries out what the poll thread has ordered.
    pub(crate) fn obey(&mut self) {
        for order in self.inbox.take_orders() {
            match order {
                Order::Own(partition) => {
                    self.assigned.insert(partition);
                    self.restart(partition);
                }
                Order::GiveUp(partition) => {
                    self.commit_all();
                    self.forget(partition);
                    self.shared.reader.release(partition);
                }
                Order::Forget(partition) => self.forget(partition),
                Order::CheckAll => self.restart_all(),
            }
        }
    }

    fn forget(&mut self, partition: i32) {
        self.assigned.remove(&partition);
        self.commits.forget(partition);
        self.owned.remove(&partition);
        self.waiting.remove(&partition);
    }

    /// Forgets what was read of a partition and finds out anew where it stands.
    pub(crate) fn restart(&mut self, partition: i32) {
        // What moved progress may have taken rows away: a key remembered from before would turn the
        // only copy of its event into a duplicate.
        self.writer.forget_recent_keys();
        // What was to be committed may lie beyond what this copy of the database has.
        self.commits.forget(partition);
        self.owned.remove(&partition);
        self.waiting.insert(partition);
        // Nothing else may wake us: what was read is gone, and nothing is being read.
        self.start_at = Instant::now();
    }

    pub(crate) fn restart_all(&mut self) {
        self.assigned.clone().into_iter().for_each(|partition| self.restart(partition));
    }

    /// Another log: nothing that was believed is true of it.
    fn adopt_log(&mut self) {
        let newest = self.log.borrow_and_update().clone();
        let changed = match (&self.current, &newest) {
            (Some(was), Some(is)) => was.log.log_id != is.log.log_id,
            _ => false,
        };
        self.current = newest;
        if changed {
            self.restart_all();
        }
    }

    /// A connection; a new one may lead to another copy of the database.
    pub(crate) async fn connect(&mut self) -> Result<(), ConsumerError> {
        if self.writer.connect().await? == store::Session::New {
            self.compare_at = Instant::now();
            self.compare().await?;
        }
        Ok(())
    }

    async fn start_waiting(&mut self) -> Result<(), ConsumerError> {
        let Some(current) = self.current.clone() else { return Ok(()) };
        let known = current.log.partitions;
        let partitions: Vec<i32> = self.waiting.iter().copied().filter(|&partition| partition < known).collect();
        if partitions.is_empty() {
            return Ok(());
        }
        let sources = (&self.shared.reader, &self.shared.broker);
        let starts = start::starts(&mut self.writer, current.log.log_id, &partitions, sources).await?;
        if starts.iter().any(|(_, start)| *start == Start::AnotherLog) {
            tracing::error!("the log ends below what was stored from it: records were lost or the topic was replaced");
            return self.shared.watch.open_next_life(&current).await;
        }
        for (partition, start) in starts {
            self.begin(partition, start);
        }
        self.backoff = Backoff::default();
        self.shared.status.working(Part::Broker);
        Ok(())
    }

    fn begin(&mut self, partition: i32, start: Start) {
        let (at, believed, empty_below) = match start {
            Start::Begin { at } => (at, at, at),
            Start::Resume { at, next } => (at, next, next),
            Start::Trimmed { next, low } => {
                tracing::error!(
                    partition,
                    from = next,
                    to = low,
                    "the log was trimmed before it was read; these offsets are lost"
                );
                if self.shared.config.on_trimmed == OnTrimmed::Halt {
                    tracing::error!(partition, "left unread; ONCELOG_ON_TRIMMED=continue goes on behind the loss");
                    self.waiting.remove(&partition);
                    return;
                }
                (low, next, low)
            }
            Start::AnotherLog => return,
        };
        let epoch = self.shared.reader.start(partition, at);
        self.waiting.remove(&partition);
        self.owned.insert(partition, Intake::new(epoch, at, believed, empty_below));
    }

    /// Notices another copy of the database, and a partition whose progress somebody else moved.
    async fn compare(&mut self) -> Result<(), ConsumerError> {
        if Instant::now() < self.compare_at {
            return Ok(());
        }
        self.compare_at = Instant::now() + COMPARE_EVERY;
        let Some(current) = self.current.clone() else { return Ok(()) };
        let partitions: Vec<i32> = self.owned.keys().copied().collect();
        let rows = self.writer.visible_progress(current.log.log_id, &partitions).await?;
        let found: BTreeMap<i32, i64> = rows.iter().map(|row| (row.partition, row.next_offset)).collect();
        for partition in partitions {
            let Some(intake) = self.owned.get(&partition) else { continue };
            if has_drifted(intake.believed, found.get(&partition).copied()) && !planted::on(Bug::StartAtGroupOffset) {
                tracing::warn!(partition, believed = intake.believed, found = ?found.get(&partition), "progress has moved without us");
                self.restart(partition);
            }
        }
        Ok(())
    }
}

/// Growing pauses with jitter, so that many writers don't come back at the same moment.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    const LONGEST: Duration = Duration::from_secs(5);

    pub(crate) fn next(&mut self) -> Duration {
        let longest = Duration::from_millis(100).saturating_mul(1 << self.tries.min(10)).min(Self::LONGEST);
        self.tries += 1;
        longest.mul_f64(rand::random_range(0.5..1.0))
    }
}
