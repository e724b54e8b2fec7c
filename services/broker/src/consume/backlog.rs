//! How many bytes of records each partition has handed over that are not yet stored.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the poll loop should do with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Over its share: pause.
    Stop,
    /// At half of its share or less: resume.
    Go,
    /// In between: leave it as it is.
    Keep,
}

/// The least share of a partition, however many there are: progress needs some room.
const LEAST_SHARE: usize = 256 * 1024;

/// Counts bytes per partition; shared by the poll thread and the writers.
#[derive(Debug)]
pub(super) struct Backlog {
    limit: usize,
    bytes: Mutex<HashMap<i32, usize>>,
}

impl Backlog {
    pub(super) fn new(limit: usize) -> Self {
        Backlog { limit, bytes: Mutex::default() }
    }

    pub(super) fn add(&self, partition: i32, bytes: usize) {
        *self.lock().entry(partition).or_default() += bytes;
    }

    pub(super) fn remove(&self, partition: i32, bytes: usize) {
        if let Some(held) = self.lock().get_mut(&partition) {
            *held = held.saturating_sub(bytes);
        }
    }

    /// Each of `partitions` partitions has an equal share of the limit.
    pub(super) fn flow(&self, partition: i32, partitions: usize) -> Flow {
        let share = (self.limit / partitions.max(1)).max(LEAST_SHARE);
        match self.lock().get(&partition).copied().unwrap_or_default() {
            held if held >= share => Flow::Stop,
            held if held <= share / 2 => Flow::Go,
            _ => Flow::Keep,
        }
    }

    // A poisoned count is still a count: every change to it is a single assignment.
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, usize>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_stops_at_its_share_and_goes_on_at_half_of_it() {
        let backlog = Backlog::new(4 << 20);
        let share = 2 << 20;
        assert_eq!(backlog.flow(0, 2), Flow::Go);
        backlog.add(0, share - 1);
        assert_eq!(backlog.flow(0, 2), Flow::Keep);
        backlog.add(0, 1);
        assert_eq!(backlog.flow(0, 2), Flow::Stop);
        assert_eq!(backlog.flow(1, 2), Flow::Go, "its neighbour reads on");
        backlog.remove(0, share / 2 - 1);
        assert_eq!(backlog.flow(0, 2), Flow::Keep);
        backlog.remove(0, 1);
        assert_eq!(backlog.flow(0, 2), Flow::Go);
    }
}
