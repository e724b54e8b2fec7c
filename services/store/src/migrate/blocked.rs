//! A second connection, beside the work: who holds the lock that it waits for, and whether the server is there.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnection;

use crate::deadline::within;
use crate::error::StoreError;
use crate::lock_holders;

/// Between two looks, so long as the work goes on: shorter than its `lock_timeout`.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A look reads no table. A server that takes longer for it is gone.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Does the work. If it fails for want of a lock, the error says who has it. The work itself may take
/// as long as it takes, so long as the server answers a look.
///
/// The look is made over a connection `beside`, while `backend` waits: afterwards nobody waits any more.
pub(super) async fn watched(
    beside: PgConnection,
    backend: i32,
    work: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let seen = Mutex::new(None);
    let done = tokio::select! {
        done = work => done,
        gone = watch(beside, backend, &seen) => Err(gone.into()),
    };
    let holders = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    match done {
        Err(StoreError::Unavailable(cause)) if cause.is_of_a_lock() => {
            Err(StoreError::Locked(holders.unwrap_or_else(|| format!("({cause})"))))
        }
        done => done,
    }
}

/// Ends when the server does not answer any more, with why.
async fn watch(mut beside: PgConnection, backend: i32, seen: &Mutex<Option<String>>) -> sqlx::Error {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match within(ANSWER_WITHIN, lock_holders::of_waiting(&mut beside, backend)).await {
            Ok(Some(holders)) => *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(holders),
            // An answer all the same; what was seen before may still be so.
            Ok(None) | Err(sqlx::Error::Database(_)) => {}
            Err(gone) => return gone,
        }
    }
}
