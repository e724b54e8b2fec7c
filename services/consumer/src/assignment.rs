//! The partitions of one writer with what they need of the world: the reader that reads them, and the
//! database connection over which it is found out where they stand. Decides nothing: [`Partitions`] does.

use std::time::Duration;

use store::{Session, Writer};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::command::Command;
use crate::decide::Start;
use crate::error::ConsumerError;
use crate::partitions::Partitions;
use crate::reading::start::starts;
use crate::shared::Shared;
use crate::status::Part;

/// How often an idle writer compares progress with what it believes.
const COMPARE_EVERY: Duration = Duration::from_secs(5);

/// What one writer owns.
pub(crate) struct Assignment {
    shared: Shared,
    pub(crate) partitions: Partitions,
    pub(crate) writer: Writer,
    /// When progress is to be compared next.
    pub(crate) compare_at: Instant,
    /// Partitions are not started before this: the broker could not be asked.
    pub(crate) start_at: Instant,
    start_backoff: Backoff,
    /// The log was found to be another one, and its next life is not opened yet.
    pub(crate) is_another_log: bool,
}

impl Assignment {
    /// No partitions yet, and no connection.
    pub(crate) fn new(shared: Shared, writer: Writer) -> Self {
        Assignment {
            shared,
            partitions: Partitions::default(),
            writer,
            compare_at: Instant::now() + COMPARE_EVERY,
            start_at: Instant::now(),
            start_backoff: Backoff::default(),
            is_another_log: false,
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
                    let epoch = self.shared.reader.start(partition, from);
                    self.partitions.reading(partition, epoch);
                }
                Command::Finished { partition, bytes } => self.shared.reader.finished(partition, bytes),
                Command::StartAnew => {
                    self.writer.forget_recent_keys();
                    // Nothing else may wake us: what was read is gone, and nothing is being read.
                    self.start_at = Instant::now();
                }
                Command::OpenNextLife => self.is_another_log = true,
                Command::Commit(offsets) => self.shared.reader.commit(&offsets),
                Command::Release(partition) => self.shared.reader.release(partition),
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

    /// Whether partitions wait whose start can be found out now.
    pub(crate) fn start_is_due(&self) -> bool {
        Instant::now() >= self.start_at && !self.partitions.due(now()).is_empty()
    }

    /// When that will be so; none while nothing waits that can be started.
    pub(crate) fn next_start(&self) -> Option<Instant> {
        self.partitions.next_start(now()).map(|at| Instant::from_std(at).max(self.start_at))
    }

    /// Starts those that wait. Whether any was. A broker that can't be asked holds up those that wait for
    /// their start, and nobody else.
    pub(crate) async fn try_to_start(&mut self) -> Result<bool, ConsumerError> {
        match self.start().await {
            Err(error @ (ConsumerError::Broker(_) | ConsumerError::NoWatermarks(_))) => {
                self.shared.status.failed(&error);
                tracing::debug!(%error, partitions = ?self.partitions.waiting(), "not started yet");
                self.start_at = Instant::now() + self.start_backoff.next();
                Ok(false)
            }
            Err(error) => Err(error),
            Ok(any) => {
                self.start_backoff = Backoff::default();
                self.nothing_holds_up();
                self.start_at = Instant::now();
                Ok(any)
            }
        }
    }

    /// Neither broker nor topic keeps a partition from its start.
    pub(crate) fn nothing_holds_up(&self) {
        self.shared.status.working(Part::Broker);
        self.shared.status.working(Part::Topic);
    }

    async fn start(&mut self) -> Result<bool, ConsumerError> {
        let Some(current) = self.partitions.current() else { return Ok(false) };
        let partitions = self.partitions.due(now());
        if partitions.is_empty() {
            return Ok(false);
        }
        let sources = (&self.shared.reader, &self.shared.broker);
        let starts = starts(&mut self.writer, current.log.log_id, &partitions, sources).await?;
        if starts.iter().any(|(_, start)| *start == Start::AnotherLog) {
            tracing::error!("the log ends below what was stored from it: records were lost or the topic was replaced");
            self.shared.watch.open_next_life(&current).await?;
            return Ok(false);
        }
        let on_trimmed = self.shared.config.on_trimmed;
        for (partition, start) in starts {
            self.act(|partitions| partitions.begin(partition, start, on_trimmed, now()));
        }
        Ok(true)
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}
