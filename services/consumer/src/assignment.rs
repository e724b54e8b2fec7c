//! The partitions of one writer with what they need of the world: the reader that reads them, and the
//! database connection over which it is found out where they stand. Decides nothing: [`Partitions`] does.

use std::collections::BTreeMap;
use std::time::Duration;

use broker::BrokerError;
use store::{Session, Writer};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::command::Command;
use crate::config::OnUnreadable;
use crate::context::WriterContext;
use crate::error::ConsumerError;
use crate::partitions::Partitions;
use crate::planted;
use crate::policy::Start;
use crate::reading::begun::Begun;
use crate::reading::start::{Found, Starts, starts};
use crate::status::Part;

/// How often an idle writer compares progress with what it believes.
const COMPARE_EVERY: Duration = Duration::from_secs(5);

/// What one writer owns.
pub(crate) struct Assignment {
    context: WriterContext,
    pub(crate) partitions: Partitions,
    pub(crate) writer: Writer,
    /// When progress is to be compared next.
    pub(crate) compare_at: Instant,
    /// Partitions are not started before this: the broker could not be asked.
    pub(crate) start_at: Instant,
    start_backoff: Backoff,
    /// The log was found to be another one, and its next incarnation is not opened yet.
    pub(crate) is_another_log: bool,
    /// Where the group was told that reading begins, of partitions of which nothing was stored since.
    begun: BTreeMap<i32, i64>,
}

impl Assignment {
    /// No partitions yet, and no connection.
    pub(crate) fn new(context: WriterContext, writer: Writer) -> Self {
        Assignment {
            context,
            partitions: Partitions::default(),
            writer,
            compare_at: Instant::now() + COMPARE_EVERY,
            start_at: Instant::now(),
            start_backoff: Backoff::default(),
            is_another_log: false,
            begun: BTreeMap::new(),
        }
    }

    /// Has [`Partitions`] decide, and carries out what follows.
    pub(crate) fn act(&mut self, decide: impl FnOnce(&mut Partitions) -> Vec<Command>) {
        let commands = decide(&mut self.partitions);
        self.carry_out(commands);
    }

    pub(crate) fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Read { partition, from } => {
                    let epoch = self.context.reader.start(partition, from);
                    self.partitions.reading(partition, epoch);
                }
                Command::Finished { partition, bytes } => self.context.reader.finished(partition, bytes),
                Command::StartAnew => {
                    self.writer.forget_recent_keys();
                    // Nothing else may wake us: what was read is gone, and nothing is being read.
                    self.start_at = Instant::now();
                }
                Command::OpenNextIncarnation => self.is_another_log = true,
                Command::Commit(offsets) => {
                    self.begun.retain(|begun, _| offsets.iter().all(|(partition, _)| partition != begun));
                    self.context.reader.commit(&offsets);
                }
                Command::Release(partition) => {
                    self.ends_in_order(partition);
                    self.context.reader.release(partition);
                }
                Command::Tell(notable) => notable.write(),
            }
        }
    }

    /// A connection; a new one may lead to another copy of the database. `in_doubt`: partitions of which a
    /// transaction may have been committed.
    pub(crate) async fn connect(&mut self, in_doubt: &[i32]) -> Result<(), ConsumerError> {
        if self.writer.connect().await? == Session::New {
            self.compare(in_doubt).await?;
        }
        Ok(())
    }

    /// Notices another copy of the database, and a partition whose progress somebody else moved.
    pub(crate) async fn compare(&mut self, in_doubt: &[i32]) -> Result<(), ConsumerError> {
        self.compare_at = Instant::now() + COMPARE_EVERY;
        let Some(current) = self.partitions.current() else { return Ok(()) };
        let partitions: Vec<i32> = self.partitions.owned().keys().copied().collect();
        let found = self.writer.visible_progress(current.log.log_id, &partitions).await?;
        self.act(|partitions| partitions.compare(&found, in_doubt));
        Ok(())
    }

    /// Takes suspicions back that were looked into. Only between two batches.
    pub(crate) async fn settle_suspicions(&mut self) -> Result<(), ConsumerError> {
        let Some(current) = self.partitions.current() else { return Ok(()) };
        for (partition, offset) in self.partitions.settled_suspicions() {
            self.writer.suspect_no_more(current.log.log_id, partition, offset).await?;
            self.partitions.suspect_no_more(partition);
            tracing::info!(partition, offset, "what was suspected is as it was stored");
        }
        Ok(())
    }

    /// Passes what another client can't read either, where that is to be.
    pub(crate) async fn pass_unreadable(&mut self) {
        if self.context.config.on_unreadable == OnUnreadable::Halt {
            return;
        }
        for (partition, offset) in self.partitions.take_doubtful() {
            match self.unreadable_by_another(partition, offset).await {
                Ok(Some(reason)) => {
                    tracing::error!(partition, offset, "another client can't read it either; skipping it: {reason}");
                    self.act(|partitions| partitions.pass_unreadable(partition, offset, &reason));
                }
                Ok(None) => tracing::warn!(partition, offset, "another client can read it; trying again"),
                Err(error) => {
                    tracing::warn!(%error, partition, offset, "can't tell whether another client can read it");
                }
            }
        }
    }

    async fn unreadable_by_another(&self, partition: i32, offset: i64) -> Result<Option<String>, BrokerError> {
        if planted::unreadable_is_skipped_at_once() {
            return Ok(Some("planted".to_owned()));
        }
        self.context.broker.unreadable_at(&self.context.group, partition, offset).await
    }

    /// Whether partitions wait whose start can be found out now.
    pub(crate) fn start_is_due(&self) -> bool {
        Instant::now() >= self.start_at && !self.partitions.due(now()).is_empty()
    }

    /// When that will be so; none while nothing waits that can be started.
    pub(crate) fn next_start(&self) -> Option<Instant> {
        self.partitions.next_start(now()).map(|at| Instant::from_std(at).max(self.start_at))
    }

    /// Starts those that wait. Whether any was. A broker that can't be asked holds up those that wait for
    /// their start, and nobody else; what it does not tell of one, that one alone.
    pub(crate) async fn try_to_start(&mut self) -> Result<bool, ConsumerError> {
        match self.start().await {
            Err(error @ ConsumerError::Broker(_)) => {
                self.context.status.failed(&error);
                tracing::debug!(%error, partitions = ?self.partitions.waiting(), "not started yet");
                self.start_at = Instant::now() + self.start_backoff.next();
                Ok(false)
            }
            Err(error) => Err(error),
            Ok(any) => {
                self.start_backoff = Backoff::default();
                self.start_at = Instant::now();
                Ok(any)
            }
        }
    }

    /// Neither broker nor topic keeps a partition from its start.
    pub(crate) fn nothing_holds_up(&self) {
        self.context.status.working(Part::Broker);
        self.context.status.working(Part::Topic);
    }

    async fn start(&mut self) -> Result<bool, ConsumerError> {
        let Some(current) = self.partitions.current() else { return Ok(false) };
        let partitions = self.partitions.due(now());
        if partitions.is_empty() {
            return Ok(false);
        }
        let sources = (&self.context.reader, &self.context.broker);
        let Starts { found, untold } = starts(&mut self.writer, current.log.log_id, &partitions, sources).await?;
        if found.iter().any(|one| one.start == Start::AnotherLog) {
            tracing::error!("the log ends below what was stored from it: records were lost or the topic was replaced");
            self.context.watch.open_next_incarnation(&current).await?;
            return Ok(false);
        }
        self.tell_beginnings(&found);
        let on_trimmed = self.context.config.on_trimmed;
        let any = !found.is_empty();
        for Found { partition, start, .. } in found {
            self.act(|partitions| partitions.begin(partition, start, on_trimmed, now()));
        }
        for (partition, error) in untold {
            self.context.status.failed(&ConsumerError::NoOffsets { partition, error });
            self.partitions.is_not_told(partition, now());
        }
        Ok(any)
    }

    /// Tells the group where reading begins, and the log where it has begun before, in vain.
    fn tell_beginnings(&mut self, found: &[Found]) {
        let mut told = Vec::new();
        for Found { partition, start, begun } in found {
            let Some((at, kept)) = begun else { continue };
            let begun = Begun::after(kept, *at, self.context.id);
            if begun.times > 1 {
                let (partition, offset, times) = (partition, at, begun.times - 1);
                tracing::error!(
                    partition,
                    offset,
                    times,
                    "a consumer has ended here before: it began to read at this offset and was gone before anything was \
                     stored. If its memory was too little for what a batch here unpacks to, give it more"
                );
            }
            let offset = if let Start::Resume { at, .. } = start { *at } else { *at };
            self.begun.insert(*partition, offset);
            told.push((*partition, offset, begun.to_string()));
        }
        if !told.is_empty() {
            self.context.reader.commit_with(&told);
        }
    }

    /// Takes back what the group was told of a partition's beginning.
    fn ends_in_order(&mut self, partition: i32) {
        if let Some(offset) = self.begun.remove(&partition) {
            self.context.reader.commit(&[(partition, offset)]);
        }
    }

    /// The same, of all partitions: this process stops.
    pub(crate) fn end_in_order(&mut self) {
        let owned = self.partitions.owned();
        let begun = std::mem::take(&mut self.begun).into_iter().filter(|(partition, _)| owned.contains_key(partition));
        let begun: Vec<(i32, i64)> = begun.collect();
        if !begun.is_empty() {
            self.context.reader.commit(&begun);
        }
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}
