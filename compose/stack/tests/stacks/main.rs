//! Stacks of processes, several at once: most of the time each waits for its broker to start.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

#[path = "../database/mod.rs"]
mod database;
mod local;
mod native;
mod run;

/// Waits until it holds, but not longer than `within`.
fn eventually(within: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
