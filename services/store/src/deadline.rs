//! A deadline on every wait for the database.

use std::future::Future;
use std::time::Duration;

/// The server gives up after `statement_timeout` (30 s); a client that waits longer than this has
/// lost the server.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// A statement's answer, or an error once the deadline has passed. A connection of the pool is not
/// closed then: over it go only statements that may happen late, or twice.
pub(crate) async fn answer<T>(query: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    within(ANSWER_WITHIN, query).await
}

/// What the work comes to, or an error once so much time has passed.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(no_answer(limit)))
}

/// As the system puts it where a peer is silent.
pub(crate) fn no_answer(limit: Duration) -> sqlx::Error {
    let text = format!("no answer within {} s", limit.as_secs());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}
