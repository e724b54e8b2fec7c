//! The one transaction, and why every record counts exactly once.
//!
//! # The argument
//!
//! 1. Kafka redelivers: after a crash, a rebalance, a rewind, or because two consumers both believe
//!    that they own a partition. So a record may be brought here any number of times.
//! 2. `progress.next_offset` says up to where a partition is stored. The transaction locks that row
//!    first and goes on only if it says what the caller expects ([the fence](fence)). Of two that
//!    bring the same records, the second waits for the first one's COMMIT, and then finds the fence
//!    moved: nothing of it happens.
//! 3. Rows, counters and progress change in the same transaction. Whenever the machine stops, either
//!    all of it is there or nothing; progress tells which, and reading goes on from there.
//! 4. Copies made by *publishers* are other records with the same key. The primary key of `events`
//!    admits one; the others are compared with it and counted, under the same fence, hence once each.
//! 5. A COMMIT counts only if the last UPDATE returned the expected progress: PostgreSQL answers the
//!    COMMIT of a failed transaction with ROLLBACK and without an error, and sqlx calls that Ok.
//!    After any error the transaction is rolled back, never committed.
//! 6. A COMMIT without an answer is neither success nor failure. The caller brings the same batch
//!    again: the fence waits until the old COMMIT has ended one way or the other, and tells.

mod copy;
mod count;
pub(crate) mod error;
mod fence;
mod insert;
mod rejects;
mod row;
pub(crate) mod tally;
mod traces;

use sqlx::postgres::PgConnection;

use crate::batch::Batch;
use crate::deadline::answer;
use crate::dedup::{Disposition, Outcome, classify, resolve};
use crate::error::{LOCK_NOT_AVAILABLE, code};
use crate::lock_holders;
use crate::planted;
use crate::recent::{Fingerprint, Recent};
use crate::writer::Writer;

pub use error::{AppendError, Found};
pub use tally::{Appended, Tally};

/// Where a record goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `events`.
    Events,
    /// `dead_letters`.
    DeadLetters,
}

/// Whether a writer recognises repeats by the keys that it remembers, and remembers new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CacheUse {
    On,
    Off,
}

impl Writer {
    /// Stores the batch in one transaction, all of it or nothing.
    ///
    /// Needs a connection ([`Writer::connect`]). On any error the cache of recent keys is emptied,
    /// and the connection is closed unless it is known to be sound.
    pub async fn append(&mut self, batch: &Batch) -> Result<Appended, AppendError> {
        self.append_with(batch, CacheUse::On).await
    }

    /// As [`Writer::append`], for partitions of other writers, too. Nothing is settled in memory: what
    /// makes another writer forget its keys is not told to this one.
    pub async fn append_for_several(&mut self, batch: &Batch) -> Result<Appended, AppendError> {
        self.append_with(batch, CacheUse::Off).await
    }

    async fn append_with(&mut self, batch: &Batch, cache_use: CacheUse) -> Result<Appended, AppendError> {
        let mut connection = self.take().map_err(|_| AppendError::NotConnected)?;
        let done = self.transact(&mut connection, batch, cache_use).await;
        let done = planted::transaction::commit_anyway(done, &mut connection, batch).await;
        match done {
            Ok((dispositions, appended)) => {
                self.put_back(connection);
                self.insert_mode.in_key_order = false;
                if cache_use == CacheUse::On {
                    self.remember(&dispositions, &appended.outcomes);
                }
                Ok(appended)
            }
            Err(error) => {
                self.recent.forget();
                self.insert_mode.in_key_order = matches!(error, AppendError::Again(_));
                let error = with_holders(error, &mut connection).await;
                let sound = error.leaves_connection_usable();
                if sound && answer(sqlx::raw_sql("ROLLBACK").execute(&mut connection)).await.is_ok() {
                    self.put_back(connection);
                }
                Err(error)
            }
        }
    }

    /// Whether a row that is known to be good goes in (and is rolled back): tells a bad record from
    /// a database that refuses everything.
    pub async fn accepts_a_good_row(&mut self, into: Table) -> bool {
        let Ok(mut connection) = self.take() else { return false };
        let accepted = match into {
            Table::Events => insert::probe(&mut connection).await,
            Table::DeadLetters => rejects::probe(&mut connection).await,
        };
        let rolled_back = answer(sqlx::raw_sql("ROLLBACK").execute(&mut connection)).await;
        if rolled_back.is_ok() {
            self.put_back(connection);
        }
        accepted.is_ok() && rolled_back.is_ok()
    }

    async fn transact(
        &mut self,
        connection: &mut PgConnection,
        batch: &Batch,
        cache_use: CacheUse,
    ) -> Result<(Vec<Disposition>, Appended), AppendError> {
        let failed = AppendError::before_commit;
        answer(sqlx::raw_sql("BEGIN ISOLATION LEVEL READ COMMITTED").execute(&mut *connection))
            .await
            .map_err(failed)?;
        let epoch = fence::lock(connection, batch).await?;
        // After the fence: rows pruned before this moment are gone from the cache, too.
        self.recent.see_prune_epoch(epoch);
        let nothing = Recent::new(0);
        let recent = if cache_use == CacheUse::On { &self.recent } else { &nothing };
        let dispositions = classify(batch, recent, &self.fingerprints);
        traces::verify_redelivered(connection, batch).await?;
        let answered = insert::insert_and_compare(connection, batch, &dispositions, &mut self.insert_mode).await?;
        let outcomes = resolve(&dispositions, &answered);
        rejects::insert_rejects(connection, batch, &outcomes).await?;
        planted::transaction::commit_the_rows(connection).await?;
        let tally = count::count(connection, batch, &outcomes).await?;
        answer(sqlx::raw_sql("COMMIT").execute(connection)).await.map_err(AppendError::Unknown)?;
        Ok((dispositions, Appended { outcomes, tally }))
    }

    fn remember(&mut self, dispositions: &[Disposition], outcomes: &[Outcome]) {
        for (disposition, outcome) in dispositions.iter().zip(outcomes) {
            if let (Some(print), Outcome::Stored | Outcome::Duplicate) = (fingerprint_of(disposition), outcome) {
                self.recent.remember(print);
            }
        }
    }
}

/// The fingerprint of a record that the database itself has answered for.
fn fingerprint_of(disposition: &Disposition) -> Option<Fingerprint> {
    match disposition {
        Disposition::Insert(print) | Disposition::Compare(print) => Some(*print),
        Disposition::Redelivered | Disposition::DeadLetter | Disposition::Copy { .. } | Disposition::Known => None,
    }
}

/// If the failure was a lock that was waited for in vain: who holds it.
async fn with_holders(failure: AppendError, connection: &mut PgConnection) -> AppendError {
    let AppendError::Environment(refused) = &failure else { return failure };
    if code(refused) != LOCK_NOT_AVAILABLE || answer(sqlx::raw_sql("ROLLBACK").execute(&mut *connection)).await.is_err()
    {
        return failure;
    }
    match answer(lock_holders::of_tables(connection)).await {
        Ok(Some(holders)) => AppendError::Locked(holders),
        Ok(None) | Err(_) => failure,
    }
}
