//! Stacks of processes, several at once: most of the time each waits for its broker to start.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../database/mod.rs"]
mod database;
mod local;
mod native;
mod run;
