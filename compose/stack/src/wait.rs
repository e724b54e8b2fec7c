//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

const PACE: Duration = Duration::from_millis(10);

/// Asks `condition` until it gives something, at most for `within`.
pub(crate) fn until<T>(within: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(PACE);
    }
}
