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
//!    admits one; the others are judged and counted, under the same fence, hence once each.
//! 5. A COMMIT counts only if the last UPDATE returned the expected progress: PostgreSQL answers the
//!    COMMIT of a failed transaction with ROLLBACK and without an error, and sqlx calls that Ok.
//!    After any error the transaction is rolled back, never committed.
//! 6. A COMMIT without an answer is neither success nor failure. The caller brings the same batch
//!    again: the fence waits until the old COMMIT has ended one way or the other, and tells.

mod copy;
mod count;
mod fence;
mod hope;
mod insert;
mod keep;
mod wrong;

use planted::Bug;
use sqlx::postgres::PgConnection;

use crate::batch::{Batch, What};
use crate::error::code;
use crate::recent::{Fingerprint, Recent};
use crate::settle::{Outcome, Plan, plan, resolve};
use crate::writer::{Writer, answer};

pub use count::Tally;
pub use fence::Found;
pub(crate) use insert::Manner;

/// What a committed transaction did.
#[derive(Debug, Default)]
pub struct Appended {
    /// The outcome of every entry, in the order of [`Batch::entries`].
    pub outcomes: Vec<Outcome>,
    /// What the counters have grown by, over all partitions.
    pub tally: Tally,
}

/// Nothing was stored, or it is not known ([`AppendError::Unknown`]). Each variant says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else moved progress, or this is another copy of the database. Compare, start anew.
    #[error("progress is not where it was expected: {0:?}")]
    FenceMiss(Vec<Found>),
    /// A record below the fence is not in the database: this is another log. Open its next life.
    #[error("partition {partition} offset {offset} was counted as stored, but the log holds another record there")]
    AnotherLog {
        /// The Kafka partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
    },
    /// PostgreSQL refuses the data of at least one record. Halve; alone, it may be a dead letter.
    #[error("PostgreSQL refuses the data ({code}): {message}")]
    Refused {
        /// The SQLSTATE.
        code: String,
        /// What PostgreSQL says.
        message: String,
    },
    /// The batch takes longer than `statement_timeout`. Halve.
    #[error("the statement took too long")]
    TooSlow,
    /// Two transactions met, or the row of a repeat is not there. Bring the same batch again after a
    /// pause: it may be so again.
    #[error("to be repeated: {0}")]
    Again(String),
    /// The database is down, full, or refuses for a reason that no record is to blame for. Bring the
    /// same batch again over a new connection, with backoff, for ever.
    #[error("the database can't store now: {0}")]
    Environment(#[source] sqlx::Error),
    /// The answer to COMMIT was lost. Bring the same batch again: the fence tells what happened.
    #[error("the answer to COMMIT was lost: {0}")]
    Unknown(#[source] sqlx::Error),
}

/// SQLSTATEs that the data of a record can raise.
const DATA: [&str; 8] = ["22P02", "22P05", "22021", "22003", "22007", "22008", "54000", "54001"];

impl AppendError {
    /// Of a statement that inserts or judges events: only these can blame a record.
    fn of_data(error: sqlx::Error) -> AppendError {
        let code = code(&error);
        if DATA.contains(&code.as_str()) {
            AppendError::Refused { code, message: message(&error) }
        } else {
            AppendError::before_commit(error)
        }
    }

    /// Of any other statement, also one that writes conflicts, dead letters or counts: what a record
    /// holds has been taken by then, so none is to blame, whatever PostgreSQL says.
    fn before_commit(error: sqlx::Error) -> AppendError {
        match code(&error).as_str() {
            "40P01" | "40001" => AppendError::Again(message(&error)),
            "57014" => AppendError::TooSlow,
            _ => AppendError::Environment(error),
        }
    }

    /// Whether the connection is fit for another transaction once this one is rolled back.
    fn leaves_connection_usable(&self) -> bool {
        !matches!(self, AppendError::Environment(_) | AppendError::Unknown(_))
    }
}

fn message(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |database| database.message().to_owned())
}

/// A trigger may leave rows out, which is no error to PostgreSQL.
fn all_went_in(table: &str, inserted: u64, meant: usize) -> Result<(), AppendError> {
    if inserted == meant as u64 {
        return Ok(());
    }
    let text = format!("{inserted} of {meant} rows went into {table}: does a trigger leave some out?");
    Err(AppendError::Environment(sqlx::Error::Protocol(text)))
}

/// Whether repeats are settled with the keys that a writer remembers, and new ones remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    Kept,
    Unused,
}

impl Writer {
    /// Stores the batch in one transaction, all of it or nothing.
    ///
    /// Needs a connection ([`Writer::connect`]). On any error the cache of recent keys is emptied,
    /// and the connection is closed unless it is known to be sound.
    pub async fn append(&mut self, batch: &Batch) -> Result<Appended, AppendError> {
        self.append_with(batch, Memory::Kept).await
    }

    /// As [`Writer::append`], for partitions of other writers, too. Nothing is settled in memory: what
    /// makes another writer forget its keys is not told to this one.
    pub async fn append_for_several(&mut self, batch: &Batch) -> Result<Appended, AppendError> {
        self.append_with(batch, Memory::Unused).await
    }

    async fn append_with(&mut self, batch: &Batch, memory: Memory) -> Result<Appended, AppendError> {
        let mut connection = self.take().map_err(|_| AppendError::Environment(sqlx::Error::PoolClosed))?;
        let mut done = self.transact(&mut connection, batch, memory).await;
        if planted::on(Bug::FailedTransactionCommitted) {
            done = wrong::commit_anyway(done, &mut connection, batch).await;
        }
        match done {
            Ok((plans, appended)) => {
                self.put_back(connection);
                self.manner.in_key_order = false;
                if memory == Memory::Kept {
                    self.remember(&plans, &appended.outcomes);
                }
                Ok(appended)
            }
            Err(error) => {
                self.recent.forget();
                self.manner.in_key_order = matches!(error, AppendError::Again(_));
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
    pub async fn accepts_a_good_row(&mut self) -> bool {
        let Ok(mut connection) = self.take() else { return false };
        let accepted = insert::probe(&mut connection).await;
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
        memory: Memory,
    ) -> Result<(Vec<Plan>, Appended), AppendError> {
        let failed = AppendError::before_commit;
        answer(sqlx::raw_sql("BEGIN ISOLATION LEVEL READ COMMITTED").execute(&mut *connection))
            .await
            .map_err(failed)?;
        let epoch = fence::lock(connection, batch).await?;
        // After the fence: rows pruned before this moment are gone from the cache, too.
        self.recent.see_prune_epoch(epoch);
        let nothing = Recent::new(0);
        let recent = if memory == Memory::Kept { &self.recent } else { &nothing };
        let plans = plan(batch, recent, &self.fingerprints);
        fence::verify_redelivered(connection, batch).await?;
        let answered = insert::insert_and_judge(connection, batch, &plans, &mut self.manner).await?;
        let outcomes = resolve(&plans, &answered);
        keep::keep_the_rest(connection, batch, &outcomes).await?;
        if planted::on(Bug::CountersApart) {
            answer(sqlx::raw_sql("COMMIT; BEGIN").execute(&mut *connection)).await.map_err(failed)?;
        }
        let tally = count::count(connection, batch, &outcomes).await?;
        answer(sqlx::raw_sql("COMMIT").execute(connection)).await.map_err(AppendError::Unknown)?;
        Ok((plans, Appended { outcomes, tally }))
    }

    fn remember(&mut self, plans: &[Plan], outcomes: &[Outcome]) {
        for (plan, outcome) in plans.iter().zip(outcomes) {
            if let (Some(print), Outcome::Stored | Outcome::Duplicate) = (asked(plan), outcome) {
                self.recent.remember(print);
            }
        }
    }
}

/// The fingerprint of a record that the database itself has answered for.
fn asked(plan: &Plan) -> Option<Fingerprint> {
    match plan {
        Plan::Insert(print) | Plan::Judge(print) => Some(*print),
        Plan::Redelivered | Plan::DeadLetter | Plan::Copy { .. } | Plan::Known => None,
    }
}

/// The event of an entry that was planned for the `events` table.
fn event_of(what: &What) -> Option<&event::Event> {
    match what {
        What::Event(event) => Some(event),
        What::DeadLetter(_) => None,
    }
}
