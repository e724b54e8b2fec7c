//! Waiting for a condition, with a deadline. A test never sleeps for a time that it hopes is enough.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// Generous: it is only ever reached by a test that fails.
const DEADLINE: Duration = Duration::from_secs(90);
const PACE: Duration = Duration::from_millis(20);

/// Looks until there is something to see, and gives it. Panics with `what` at the deadline.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let seen = timeout_at(deadline, look()).await;
        match seen {
            Ok(Some(seen)) => return seen,
            Ok(None) if Instant::now() < deadline => pause().await,
            _ => panic!("not within {} s: {what}", DEADLINE.as_secs()),
        }
    }
}

/// The pause between two looks.
pub(crate) async fn pause() {
    sleep(PACE).await;
}

/// Waits until the condition holds. Panics with `what` at the deadline.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    eventually(what, async || holds().await.then_some(())).await;
}

/// Gives what the future gives, if it does so within `limit`; panics with `what` otherwise.
pub(crate) async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(limit, future).await;
    done.unwrap_or_else(|_| panic!("not within {} s: {what}", limit.as_secs()))
}
