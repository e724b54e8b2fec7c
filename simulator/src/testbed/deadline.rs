//! Waiting for a condition, with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::TestbedError;

const PACE: Duration = Duration::from_millis(20);

/// Looks until there is something to see; an error of a look counts as nothing seen.
pub(super) async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, TestbedError>,
) -> Result<T, TestbedError> {
    let deadline = Instant::now() + within;
    let mut why = String::new();
    while Instant::now() < deadline {
        match timeout_at(deadline, look()).await {
            Ok(Ok(Some(seen))) => return Ok(seen),
            Ok(Ok(None)) => why.clear(),
            Ok(Err(error)) => why = format!(" (last: {error})"),
            Err(_) => " (no answer)".clone_into(&mut why),
        }
        sleep(PACE).await;
    }
    Err(TestbedError::Late { what: format!("{what}{why}"), within })
}
