//! Small batches of several writers, stored in one transaction: a group commit.
//!
//! Under a trickle every writer would begin, fence, count and commit for a record or two, and that costs
//! consumer and database far more than the records. So small batches take turns. Each is put where all
//! can see it; whoever gets the turn stores what lies there, and tells the others.
//!
//! Batches of different writers never share a partition, so they can be put side by side. If the
//! transaction fails, each goes alone: then the failure is its own, and so is what follows from it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::{AppendError, Batch, LogId, Outcome, Slice, Tally, Writer};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::time::timeout;

use crate::batching::batch::Work;

/// Batches in one transaction, at most: of [`SMALL`](crate::batching::batch::SMALL) records each.
const AT_ONCE: usize = 8;
/// Whoever has not got the turn in this time goes alone: the transaction before may be waiting for a
/// lock, or for a server that is gone.
const PATIENCE: Duration = Duration::from_millis(250);

/// What an attempt to store a batch came to.
#[derive(Debug)]
pub enum Ended {
    /// Stored: what became of each record, in the order of [`Batch::entries`].
    Stored(Vec<Outcome>),
    /// Failed, and by this batch alone.
    Failed(AppendError),
    /// Failed together with others, so that the reason may be another's: to be brought alone.
    Alone {
        /// Whether it may have been committed.
        in_doubt: bool,
    },
}

/// Stores small batches of a consumer's writers in one transaction.
#[derive(Debug)]
pub struct GroupCommit {
    brought: Mutex<VecDeque<Brought>>,
    patience: Duration,
    /// Whoever holds it stores.
    turn: tokio::sync::Mutex<()>,
}

/// A batch that waits to be stored.
#[derive(Debug)]
struct Brought {
    batch: Batch,
    answer: oneshot::Sender<Ended>,
}

impl Default for GroupCommit {
    fn default() -> Self {
        GroupCommit::with_patience(PATIENCE)
    }
}

impl GroupCommit {
    /// Where a turn is waited for so long: tests wait for it on a machine that is busy.
    #[must_use]
    pub fn with_patience(patience: Duration) -> Self {
        GroupCommit { brought: Mutex::default(), patience, turn: tokio::sync::Mutex::default() }
    }

    /// Stores the batch, in a transaction of its own if it is large or has failed before.
    pub(crate) async fn store(&self, work: &Work, writer: &mut Writer) -> Ended {
        if work.alone { alone(&work.batch, writer).await } else { self.append(&work.batch, writer).await }
    }

    /// Stores the batch, with what others have brought.
    pub async fn append(&self, batch: &Batch, writer: &mut Writer) -> Ended {
        let (answer, mut answered) = oneshot::channel();
        self.brought().push_back(Brought { batch: batch.clone(), answer });
        let _turn = match timeout(self.patience, self.turn.lock()).await {
            Ok(turn) => turn,
            Err(_) if self.take_back(batch) => return alone(batch, writer).await,
            // It is under way already.
            Err(_) => return answered.await.unwrap_or(Ended::Alone { in_doubt: true }),
        };
        loop {
            match answered.try_recv() {
                Ok(ended) => return ended,
                Err(TryRecvError::Closed) => return Ended::Alone { in_doubt: true },
                Err(TryRecvError::Empty) => {}
            }
            let mut brought = self.take();
            // Their positions are of another incarnation of the log, and so is their progress.
            for other in brought.extract_if(.., |other| other.batch.log_id != batch.log_id) {
                tell(other.answer, Ended::Alone { in_doubt: false });
            }
            if brought.len() == 1 && brought[0].is(batch) {
                return alone(batch, writer).await;
            }
            if !brought.is_empty() {
                all(batch.log_id, brought, writer).await;
            }
        }
    }

    /// What has waited longest.
    fn take(&self) -> Vec<Brought> {
        let mut brought = self.brought();
        let count = brought.len().min(AT_ONCE);
        brought.drain(..count).collect()
    }

    /// Takes a batch back that still waits. `false`: it does not.
    fn take_back(&self, batch: &Batch) -> bool {
        let mut brought = self.brought();
        let place = brought.iter().position(|brought| brought.is(batch));
        place.and_then(|place| brought.remove(place)).is_some()
    }

    // A poisoned list is still a list: each change to it is one call.
    fn brought(&self) -> MutexGuard<'_, VecDeque<Brought>> {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Brought {
    /// Batches that wait never share a partition.
    fn is(&self, batch: &Batch) -> bool {
        let first = |batch: &Batch| batch.slices.first().map(|slice| slice.partition);
        first(&self.batch) == first(batch)
    }
}

/// Stores a batch in a transaction of its own.
async fn alone(batch: &Batch, writer: &mut Writer) -> Ended {
    let began = Instant::now();
    match writer.append(batch).await {
        Ok(appended) => {
            count(began, &appended.tally);
            Ended::Stored(appended.outcomes)
        }
        Err(failure) => Ended::Failed(failure),
    }
}

/// Stores them in one transaction, and answers each.
async fn all(log_id: LogId, brought: Vec<Brought>, writer: &mut Writer) {
    let began = Instant::now();
    let (batches, answers): (Vec<Batch>, Vec<_>) =
        brought.into_iter().map(|brought| (brought.batch, brought.answer)).unzip();
    let (batch, owners) = side_by_side(log_id, batches);
    match writer.append_for_several(&batch).await {
        Ok(appended) => {
            count(began, &appended.tally);
            let mut shares = vec![Vec::new(); answers.len()];
            share_out(&batch, &owners, appended.outcomes, &mut shares);
            for (answer, share) in answers.into_iter().zip(shares) {
                tell(answer, Ended::Stored(share));
            }
        }
        Err(failure) => {
            tracing::debug!(%failure, batches = answers.len(), "each goes alone");
            let in_doubt = matches!(failure, AppendError::Unknown(_));
            answers.into_iter().for_each(|answer| tell(answer, Ended::Alone { in_doubt }));
        }
    }
}

fn tell(answer: oneshot::Sender<Ended>, ended: Ended) {
    // Whoever does not wait any more has ended with the process.
    let _ = answer.send(ended);
}

/// The figures of one transaction.
fn count(began: Instant, tally: &Tally) {
    metrics::histogram!("oncelog_transaction_seconds").record(began.elapsed());
    let outcomes = [
        ("redelivered", tally.redelivered),
        ("stored", tally.stored),
        ("duplicate", tally.duplicates),
        ("conflict", tally.conflicts),
        ("dead_letter", tally.dead_letters),
    ];
    for (outcome, count) in outcomes {
        metrics::counter!("oncelog_records_total", "outcome" => outcome).increment(count as u64);
    }
}

/// One batch of all their slices, in the order of the partitions, and whose each slice is.
fn side_by_side(log_id: LogId, batches: Vec<Batch>) -> (Batch, Vec<usize>) {
    let slices = batches
        .into_iter()
        .enumerate()
        .flat_map(|(owner, batch)| batch.slices.into_iter().map(move |slice| (owner, slice)));
    let mut slices: Vec<(usize, Slice)> = slices.collect();
    slices.sort_by_key(|(_, slice)| slice.partition);
    let (owners, slices) = slices.into_iter().unzip();
    (Batch { log_id, slices }, owners)
}

/// Gives the outcomes of each slice to its owner, in the same order.
fn share_out(batch: &Batch, owners: &[usize], outcomes: Vec<Outcome>, shares: &mut [Vec<Outcome>]) {
    let mut outcomes = outcomes.into_iter();
    for (slice, &owner) in batch.slices.iter().zip(owners) {
        shares[owner].extend(outcomes.by_ref().take(slice.entries.len()));
    }
}

#[cfg(test)]
mod tests {
    use store::{DeadLetter, Entry, Raw, What};

    use super::*;

    fn batch(slices: &[(i32, usize)]) -> Batch {
        let entry = |offset| {
            let dead = DeadLetter { reason: "for the test".to_owned(), raw: Raw::default() };
            Entry { offset, what: What::DeadLetter(Box::new(dead)) }
        };
        let slice = |&(partition, count): &(i32, usize)| {
            let end_offset = count as i64;
            let entries = (0..end_offset).map(entry).collect();
            Slice { partition, expected: 0, end_offset, entries, witness: None, vouched_below: 0 }
        };
        Batch { log_id: 1, slices: slices.iter().map(slice).collect() }
    }

    #[test]
    fn each_gets_the_outcomes_of_its_own_records() {
        use Outcome::{Conflict, DeadLetter, Duplicate, Redelivered, Stored};
        let (all, owners) = side_by_side(1, vec![batch(&[(1, 2), (5, 1)]), batch(&[(0, 1)]), batch(&[(2, 0), (3, 1)])]);
        let partitions: Vec<i32> = all.slices.iter().map(|slice| slice.partition).collect();
        assert_eq!(partitions, [0, 1, 2, 3, 5], "the fence locks in this order");

        let mut shares = vec![Vec::new(); 3];
        let outcomes = vec![Redelivered, Stored, Duplicate, Conflict, DeadLetter];
        share_out(&all, &owners, outcomes, &mut shares);
        assert_eq!(shares, [vec![Stored, Duplicate, DeadLetter], vec![Redelivered], vec![Conflict]]);
    }
}
