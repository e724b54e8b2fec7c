//! Which offsets are to be committed to the group, and when: pure.
//!
//! They are a lag metric and the group's convention, the database is the truth. A commit after every
//! transaction would be hundreds a second, which Kafka answers one by one; the heartbeats wait behind
//! them, and the member loses its partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How far the group's offsets may lie behind in time.
const EVERY: Duration = Duration::from_secs(1);

/// The newest offset of each partition that the group does not know yet.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    offsets: BTreeMap<i32, i64>,
    last: Option<Instant>,
}

impl Commits {
    /// The partition is stored up to `offset`.
    pub fn note(&mut self, partition: i32, offset: i64) {
        self.offsets.insert(partition, offset);
    }

    /// The partition belongs to somebody else: its offset is theirs to commit.
    pub fn forget(&mut self, partition: i32) {
        self.offsets.remove(&partition);
    }

    /// When the next commit is due; never while there is nothing to commit.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        (!self.offsets.is_empty()).then(|| self.last.map_or(now, |last| last + EVERY))
    }

    /// What is to be committed now; empty if it is not time yet.
    pub fn take_due(&mut self, now: Instant) -> Vec<(i32, i64)> {
        if self.due(now).is_some_and(|due| due <= now) { self.take_all(now) } else { Vec::new() }
    }

    /// What is left to commit, due or not: for a goodbye.
    pub fn take_all(&mut self, now: Instant) -> Vec<(i32, i64)> {
        self.last = Some(now);
        std::mem::take(&mut self.offsets).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_commit_is_due_at_once_and_the_next_a_second_later() {
        let (mut commits, start) = (Commits::default(), Instant::now());
        commits.note(0, 5);
        assert_eq!(commits.take_due(start), [(0, 5)]);
        commits.note(0, 6);
        commits.note(0, 9);
        commits.note(3, 1);
        assert_eq!(commits.take_due(start + EVERY / 2), []);
        assert_eq!(commits.due(start + EVERY / 2), Some(start + EVERY));
        assert_eq!(commits.take_due(start + EVERY), [(0, 9), (3, 1)]);
    }

    #[test]
    fn nothing_is_due_while_there_is_nothing_to_commit() {
        let (mut commits, start) = (Commits::default(), Instant::now());
        assert_eq!(commits.due(start), None);
        assert_eq!(commits.take_due(start), []);
    }

    #[test]
    fn a_partition_that_was_lost_is_not_committed() {
        let (mut commits, start) = (Commits::default(), Instant::now());
        commits.note(0, 5);
        commits.note(1, 7);
        commits.forget(0);
        assert_eq!(commits.take_all(start), [(1, 7)]);
    }
}
