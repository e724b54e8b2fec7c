//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

const PACE: Duration = Duration::from_millis(10);
/// A server that is asked more often fills its log with that.
const CALM_PACE: Duration = Duration::from_millis(100);

/// Asks `condition` until it gives something, at most for `within`.
pub(crate) fn until<T>(within: Duration, condition: impl FnMut() -> Option<T>) -> Option<T> {
    every(PACE, within, condition)
}

/// The same at a pace that is no burden to a server that is asked.
pub(crate) fn until_ready<T>(within: Duration, condition: impl FnMut() -> Option<T>) -> Option<T> {
    every(CALM_PACE, within, condition)
}

fn every<T>(pace: Duration, within: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(pace);
    }
}
