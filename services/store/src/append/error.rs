//! Why a batch was not stored, and what is to be done about it.

use crate::error::code;

/// One partition's progress as the fence found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The Kafka partition.
    pub partition: i32,
    /// `None`: there is no row, so this database has never seen the partition.
    pub next_offset: Option<i64>,
}

/// Nothing was stored, or it is not known ([`AppendError::Unknown`]). Each variant says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else moved progress, or this is another copy of the database. Compare, start anew.
    #[error("progress is not where it was expected: {0:?}")]
    FenceMiss(Vec<Found>),
    /// A record below the fence is not in the database: this is another log. Open its next incarnation.
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
    Environment(sqlx::Error),
    /// Somebody else holds a lock on the tables. As [`AppendError::Environment`].
    #[error("storing waits for a lock {0}")]
    Locked(String),
    /// PostgreSQL has not done what it was asked for, and called it done: a trigger, or another program.
    /// As [`AppendError::Environment`].
    #[error("the database does not store what it is given: {0}")]
    Inconsistent(String),
    /// Connect first ([`crate::Writer::connect`]), and bring the same batch again.
    #[error("the writer is not connected to the database")]
    NotConnected,
    /// The answer to COMMIT was lost. Bring the same batch again: the fence tells what happened.
    #[error("the answer to COMMIT was lost: {0}")]
    Unknown(sqlx::Error),
}

/// SQLSTATEs that the data of a record can raise.
const DATA: [&str; 8] = ["22P02", "22P05", "22021", "22003", "22007", "22008", "54000", "54001"];

impl AppendError {
    /// Of a statement that inserts or judges events.
    pub(super) fn of_data(error: sqlx::Error) -> AppendError {
        let code = code(&error);
        if DATA.contains(&code.as_str()) {
            AppendError::Refused { code, message: message(&error) }
        } else {
            AppendError::before_commit(error)
        }
    }

    /// Of the statement that writes dead letters: their bytes are anybody's, and as many as anybody likes.
    /// One that takes too long may be so for its size.
    pub(super) fn of_dead_letters(error: sqlx::Error) -> AppendError {
        match AppendError::of_data(error) {
            AppendError::TooSlow => {
                AppendError::Refused { code: "57014".to_owned(), message: "the statement took too long".to_owned() }
            }
            other => other,
        }
    }

    /// Of any other statement, also one that writes conflicts or counts: what a record holds has been taken by
    /// then, so none is to blame, whatever PostgreSQL says.
    pub(crate) fn before_commit(error: sqlx::Error) -> AppendError {
        match code(&error).as_str() {
            "40P01" | "40001" => AppendError::Again(message(&error)),
            "57014" => AppendError::TooSlow,
            _ => AppendError::Environment(error),
        }
    }

    /// Whether the connection is fit for another transaction once this one is rolled back.
    pub(super) fn leaves_connection_usable(&self) -> bool {
        !matches!(
            self,
            AppendError::Environment(_)
                | AppendError::Locked(_)
                | AppendError::Inconsistent(_)
                | AppendError::NotConnected
                | AppendError::Unknown(_)
        )
    }
}

fn message(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |database| database.message().to_owned())
}

/// A trigger may leave rows out, which is no error to PostgreSQL.
pub(super) fn all_went_in(table: &str, inserted: u64, meant: usize) -> Result<(), AppendError> {
    if inserted == meant as u64 {
        return Ok(());
    }
    let text = format!("{inserted} of {meant} rows went into {table}: does a trigger leave some out?");
    Err(AppendError::Inconsistent(text))
}
