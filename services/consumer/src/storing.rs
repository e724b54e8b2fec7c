//! One batch until it is stored: retries, halves, dead letters. Nothing leaves this file unstored
//! except what is no longer ours.

use planted::Bug;
use store::{AppendError, Appended, Outcome};

use crate::batch::Work;
use crate::decide::{Next, after};
use crate::status::Part;
use crate::together::{self, Ended};
use crate::writer::{Backoff, Task};

impl Task {
    /// Stores the batch, in as many transactions as it takes.
    pub(crate) async fn store(&mut self, work: Work) {
        let mut stack = vec![work];
        while let Some(work) = stack.pop() {
            if self.shared.shutdown.is_cancelled() {
                return;
            }
            self.obey();
            let Some(work) = self.still_ours(work) else { continue };
            if let Err(error) = self.connect().await {
                self.shared.status.failed(&error);
                self.writer.disconnect();
                self.pause().await;
                stack.push(work);
                continue;
            }
            // The comparison after a new connection may have started some partitions anew.
            let Some(work) = self.still_ours(work) else { continue };
            match self.append(&work).await {
                Ended::Stored(appended) => self.stored(&work, &appended),
                // What has failed does not keep others waiting again.
                Ended::Failed(failure) => self.failed(failure, work.apart(false), &mut stack).await,
                Ended::Alone { in_doubt } => stack.push(work.apart(in_doubt)),
            }
        }
    }

    async fn append(&mut self, work: &Work) -> Ended {
        if work.alone {
            together::alone(&work.batch, &mut self.writer).await
        } else {
            self.shared.together.append(&work.batch, &mut self.writer).await
        }
    }

    /// Without the slices of partitions that were given up or started anew since they were read.
    fn still_ours(&self, mut work: Work) -> Option<Work> {
        let mut slices = std::mem::take(&mut work.batch.slices);
        slices.retain_mut(|slice| {
            let ours =
                self.owned.get(&slice.partition).is_some_and(|intake| intake.since == work.since(slice.partition));
            if planted::on(Bug::ProgressPastDropped) && !self.owned.contains_key(&slice.partition) {
                slice.entries.clear();
                return true;
            }
            ours
        });
        work.batch.slices = slices;
        (!work.batch.slices.is_empty()).then_some(work)
    }

    fn stored(&mut self, work: &Work, appended: &Appended) {
        self.backoff = Backoff::default();
        self.shared.status.working(Part::Database);
        self.repeats.tell(&work.batch, &appended.outcomes);
        count(&appended.outcomes);
        self.moved(work);
    }

    /// Progress has moved: believe it, and have the group told.
    fn moved(&mut self, work: &Work) {
        for slice in &work.batch.slices {
            if let Some(intake) = self.owned.get_mut(&slice.partition) {
                intake.believed = slice.upto;
                // While records are read again, the group stays at what has been seen to be there.
                self.commits.note(slice.partition, slice.upto.min(intake.cursor()));
            }
        }
        self.commit_due();
    }

    /// Does not give up: nothing but this batch has told that the log is another one.
    async fn open_next_life(&mut self) {
        let Some(current) = self.current.clone() else { return };
        while let Err(error) = self.shared.watch.open_next_life(&current).await {
            self.shared.status.failed(&error);
            self.pause().await;
            if self.shared.shutdown.is_cancelled() {
                return;
            }
        }
    }

    async fn failed(&mut self, failure: AppendError, mut work: Work, stack: &mut Vec<Work>) {
        // Only what is refused twice running, so over one connection, is to blame.
        let suspected = std::mem::take(&mut work.suspected);
        match after(&failure, &work.moves(), work.batch.len(), work.in_doubt) {
            Next::Committed => self.moved(&work),
            Next::Restart(partitions) => {
                tracing::warn!(%failure, ?partitions, "starting anew");
                partitions.into_iter().for_each(|partition| self.restart(partition));
                stack.push(work);
            }
            Next::NextLife => {
                tracing::error!(%failure, "opening the log's next life");
                self.restart_all();
                self.open_next_life().await;
            }
            Next::Halve => match work.halve() {
                Ok((first, second)) => stack.extend([second, first]),
                Err(whole) => stack.push(whole),
            },
            Next::Blame(reason) if work.holds_an_event() && self.writer.accepts_a_good_row().await => {
                if suspected {
                    tracing::warn!(%failure, "a record can't be stored; keeping it as a dead letter");
                    work.blame(&reason);
                } else {
                    tracing::debug!(%failure, "is the record to blame?");
                    // The database may have been mended since it refused the record.
                    work.suspected = true;
                }
                stack.push(work);
            }
            next @ (Next::Again | Next::Wait | Next::WaitInDoubt | Next::Blame(_)) => {
                work.in_doubt |= next == Next::WaitInDoubt;
                self.shared.status.fails(Part::Database, failure.to_string());
                if next != Next::Again {
                    self.writer.disconnect();
                }
                self.pause().await;
                stack.push(work);
            }
        }
    }
}

fn count(outcomes: &[Outcome]) {
    let mut stored = [0u64; 5];
    for outcome in outcomes {
        stored[*outcome as usize] += 1;
    }
    let names = [
        (Outcome::Redelivered, "redelivered"),
        (Outcome::Stored, "stored"),
        (Outcome::Duplicate, "duplicate"),
        (Outcome::Conflict, "conflict"),
        (Outcome::DeadLetter, "dead_letter"),
    ];
    for (outcome, name) in names {
        metrics::counter!("oncelog_records_total", "outcome" => name).increment(stored[outcome as usize]);
    }
}
