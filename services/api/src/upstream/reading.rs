//! Reads of the database that end in time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reminder::Reminder;
use store::StoreError;
use tokio::time::timeout;

use crate::http::problem::Problem;

/// How long a read may take.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The database can't be read.
    Database,
    /// The broker has not said yet where this log ends.
    LogEnd,
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Problem {
        match unread {
            Unread::Database => Problem::StoreUnavailable,
            Unread::LogEnd => Problem::LogEndUnknown,
        }
    }
}

/// What was read, if it was in time. The cause of a failure is logged; the caller learns only what it can do.
pub(crate) async fn in_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, Unread> {
    match timeout(READ_TIMEOUT, read).await {
        Ok(read) => read.inspect_err(note_failure).map_err(|_| Unread::Database),
        Err(_) => Err(Unread::Database),
    }
}

/// Says that the database could not be read: not for everybody who asks during an outage.
pub(crate) fn note_failure(error: &StoreError) {
    static TOLD: Mutex<Reminder> = Mutex::new(Reminder::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.fails(&error.to_string(), Instant::now()).is_some() {
        tracing::warn!(%error, "a read failed");
    } else {
        tracing::debug!(%error, "a read failed");
    }
}
