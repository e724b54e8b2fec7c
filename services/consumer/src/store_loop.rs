//! One writer: a loop over orders, batches and transactions. What it owns is its
//! [`Assignment`]; what it decides about it is in [`Partitions`].

use std::sync::Arc;

use store::{AppendError, Outcome, Slice, Writer};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::assignment::Assignment;
use crate::backoff::Backoff;
use crate::batching::batch::Work;
use crate::context::WriterContext;
use crate::error::ConsumerError;
use crate::partitions::Partitions;
use crate::planted;
use crate::reading::current::Current;
use crate::reading::inbox::Inbox;
use crate::status::Part;
use crate::storing::aftermath::{self, Aftermath, Then};
use crate::storing::duplicate_log::DuplicateLog;
use crate::storing::group_commit::Ended;

/// One writer.
pub(crate) struct StoreLoop {
    context: WriterContext,
    inbox: Arc<Inbox>,
    log: watch::Receiver<Option<Arc<Current>>>,
    assignment: Assignment,
    /// The batch that is being stored, in its parts; the last comes first.
    under_way: Vec<Work>,
    duplicate_log: DuplicateLog,
    backoff: Backoff,
}

impl StoreLoop {
    pub(crate) fn new(context: WriterContext, inbox: Arc<Inbox>, writer: Writer) -> Self {
        StoreLoop {
            log: context.watch.subscribe(),
            assignment: Assignment::new(context.clone(), writer),
            context,
            inbox,
            under_way: Vec::new(),
            duplicate_log: DuplicateLog::new(),
            backoff: Backoff::default(),
        }
    }

    /// Runs until the shutdown, and ends between two transactions.
    pub(crate) async fn run(mut self) {
        planted::panics(&self.assignment.writer);
        while !self.context.shutdown.is_cancelled() {
            self.apply_orders();
            let done = if self.under_way.is_empty() { self.next_batch().await } else { self.store().await };
            if let Err(error) = done {
                self.context.status.failed(&error);
                self.assignment.writer.disconnect();
                self.pause().await;
            }
        }
        self.assignment.act(|partitions| partitions.commit_all(now()));
        self.assignment.end_in_order();
        self.assignment.writer.close().await;
    }

    /// Starts, the comparison when it is due, and the next batch; waits if nothing has arrived.
    async fn next_batch(&mut self) -> Result<(), ConsumerError> {
        let newest = self.log.borrow_and_update().clone();
        self.assignment.act(|partitions| partitions.adopt(newest));
        let starts = self.assignment.start_is_due();
        if starts || Instant::now() >= self.assignment.compare_at {
            self.assignment.connect(&[]).await?;
            if starts && self.assignment.try_to_start().await? {
                self.backoff = Backoff::default();
            }
            if Instant::now() >= self.assignment.compare_at {
                self.assignment.compare(&[]).await?;
                self.assignment.settle_suspicions().await?;
                self.tell_positions();
            }
            self.context.status.working(Part::Database);
            // Those that could not be started may have been given up.
            if self.assignment.partitions.waiting().is_empty() {
                self.assignment.nothing_holds_up();
            }
        }
        self.assignment.pass_unreadable().await;
        self.assignment.act(|partitions| partitions.try_again(now()));
        let arrived = self.inbox.take(self.context.config.batch_records, self.context.config.batch_bytes);
        let (taken, commands) = self.assignment.partitions.take_batch(arrived, now());
        self.assignment.carry_out(commands);
        if let Some(taken) = taken {
            let work = Work::new(taken, self.context.reader.clone());
            self.assignment.carry_out(planted::committed_first(&work.moves()));
            self.under_way.push(work);
        } else if self.inbox.is_empty() && !self.assignment.is_another_log {
            self.wait().await;
        }
        if std::mem::take(&mut self.assignment.is_another_log) {
            self.open_next_incarnation().await;
        }
        Ok(())
    }

    /// One transaction of the batch under way. Its parts are stored one after the other, in as many
    /// transactions as it takes; nothing of it is left unstored except what is no longer ours.
    async fn store(&mut self) -> Result<(), ConsumerError> {
        let in_doubt: Vec<i32> = self.under_way.iter().flat_map(Work::in_doubt).collect();
        self.assignment.connect(&in_doubt).await?;
        // The comparison after a new connection may have started some partitions anew.
        self.drop_what_is_not_ours();
        let Some(work) = self.under_way.pop() else { return Ok(()) };
        match self.context.group_commit.store(&work, &mut self.assignment.writer).await {
            Ended::Stored(outcomes) => self.stored(&work, &outcomes),
            // What has failed does not keep others waiting again.
            Ended::Failed(failure) => self.failed(failure, work.apart(false)).await,
            Ended::Alone { in_doubt } => self.under_way.push(work.apart(in_doubt)),
        }
        Ok(())
    }

    /// The database has committed, or said that it has.
    fn goes_on(&mut self) {
        self.backoff = Backoff::default();
        self.context.status.working(Part::Database);
    }

    fn stored(&mut self, work: &Work, outcomes: &[Outcome]) {
        self.goes_on();
        self.duplicate_log.tell(&work.batch, outcomes);
        self.assignment.act(|partitions| partitions.moved(&work.moves(), now()));
    }

    async fn failed(&mut self, failure: AppendError, work: Work) {
        let Aftermath { again, then } = aftermath::of(&failure, work, &mut self.assignment.writer).await;
        self.under_way.extend(again);
        match then {
            Then::GoOn => {}
            Then::Moved(moves) => {
                tracing::info!(?moves, "the COMMIT that was not answered has happened");
                self.goes_on();
                self.assignment.act(|partitions| partitions.moved(&moves, now()));
            }
            Then::Restart(drifted) => {
                tracing::warn!(%failure, partitions = ?drifted, "starting anew");
                self.assignment.act(|partitions| partitions.restart(&drifted));
            }
            Then::OpenNextIncarnation => {
                tracing::error!(%failure, "opening the log's next incarnation");
                self.open_next_incarnation().await;
            }
            Then::Pause { reconnect } => {
                self.context.status.fails(Part::Database, failure.to_string());
                if reconnect {
                    self.assignment.writer.disconnect();
                }
                self.pause().await;
            }
        }
    }

    /// Does not give up: nothing but this batch has told that the log is another one.
    async fn open_next_incarnation(&mut self) {
        self.assignment.act(Partitions::restart_all);
        let Some(current) = self.assignment.partitions.current() else { return };
        while let Err(error) = self.context.watch.open_next_incarnation(&current).await {
            self.context.status.failed(&error);
            self.pause().await;
            if self.context.shutdown.is_cancelled() {
                return;
            }
        }
    }

    /// Carries out what the poll thread has ordered.
    fn apply_orders(&mut self) {
        if !planted::orders_wait(self.under_way.is_empty() && !self.inbox.is_empty()) {
            let orders = self.inbox.take_orders();
            for order in &orders {
                self.assignment.act(|partitions| partitions.order(order, now()));
            }
            if !orders.is_empty() {
                self.tell_positions();
            }
        }
        self.drop_what_is_not_ours();
    }

    /// Not of those of which something was read that is not taken yet: they wait for us.
    fn tell_positions(&self) {
        let waiting = self.inbox.partitions();
        let mut positions = self.assignment.partitions.positions(now());
        positions.retain(|position| !waiting.contains(&position.partition));
        self.context.positions.tell(positions);
    }

    /// Of partitions that were given up or started anew since their records were taken, nothing is stored.
    fn drop_what_is_not_ours(&mut self) {
        let partitions = &self.assignment.partitions;
        let ours = |slice: &mut Slice, since| {
            let is_owned = partitions.owned().contains_key(&slice.partition);
            partitions.still_ours(slice.partition, since) || planted::drops_rows_only(slice, is_owned)
        };
        self.under_way = std::mem::take(&mut self.under_way).into_iter().filter_map(|work| work.retain(ours)).collect();
    }

    async fn wait(&mut self) {
        let shutdown = self.context.shutdown.clone();
        let compare_at = self.assignment.compare_at;
        let commit_at = self.assignment.partitions.next_commit(now()).map_or(compare_at, Instant::from_std);
        let start_at = self.assignment.next_start().unwrap_or(compare_at);
        let try_at = self.assignment.partitions.next_try().map_or(compare_at, Instant::from_std);
        tokio::select! {
            () = tokio::time::sleep_until(commit_at) => self.assignment.act(|partitions| partitions.commit_due(now())),
            () = self.inbox.news() => {}
            _ = self.log.changed() => {}
            () = tokio::time::sleep_until(compare_at) => {}
            () = tokio::time::sleep_until(start_at.min(try_at)) => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Waits with growing intervals; orders end it early, so that a revoked partition is let go
    /// also while the database is down.
    async fn pause(&mut self) {
        let until = Instant::now() + self.backoff.next();
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.context.shutdown.cancelled() => return,
                () = self.inbox.news() => self.apply_orders(),
            }
        }
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}
