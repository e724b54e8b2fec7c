//! How many bytes of records each partition has handed over that are not yet stored.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the poll loop should do with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// It has all of its share, and nothing is left of what is common; or all that may wait does: pause.
    Stop,
    /// At half of its share and what is free, or less: resume.
    Go,
    /// In between: leave it as it is.
    Keep,
}

/// Counts bytes per partition; shared by the poll thread and the writers.
#[derive(Debug)]
pub(super) struct Backlog {
    limit: usize,
    bytes: Mutex<HashMap<i32, usize>>,
    less: Condvar,
}

/// What there is for each partition at one moment.
struct Room {
    /// Of each.
    own: usize,
    /// Of what is common.
    free: usize,
    /// Of all.
    left: usize,
    limit: usize,
}

impl Backlog {
    pub(super) fn new(limit: usize) -> Self {
        Backlog { limit, bytes: Mutex::default(), less: Condvar::new() }
    }

    pub(super) fn add(&self, partition: i32, bytes: usize) {
        *self.lock().entry(partition).or_default() += bytes;
    }

    pub(super) fn remove(&self, partition: i32, bytes: usize) {
        if let Some(held) = self.lock().get_mut(&partition) {
            *held = held.saturating_sub(bytes);
        }
        self.less.notify_one();
    }

    /// Waits until none of these partitions is to stop, but not longer than `at_most`.
    pub(super) fn wait_for_room(&self, among: &[i32], partitions: usize, at_most: Duration) {
        let full = |bytes: &mut HashMap<i32, usize>| {
            let room = self.room(bytes, partitions);
            among.iter().any(|partition| room.flow(held(bytes, *partition)) == Flow::Stop)
        };
        drop(self.less.wait_timeout_while(self.lock(), at_most, full));
    }

    /// What to do with each of these, of so many partitions in all.
    pub(super) fn flows(&self, among: &[i32], partitions: usize) -> Vec<Flow> {
        let bytes = self.lock();
        let room = self.room(&bytes, partitions);
        among.iter().map(|partition| room.flow(held(&bytes, *partition))).collect()
    }

    fn room(&self, bytes: &HashMap<i32, usize>, partitions: usize) -> Room {
        let own = self.limit / 2 / partitions.max(1);
        let common: usize = bytes.values().map(|held| held.saturating_sub(own)).sum();
        let free = (self.limit / 2).saturating_sub(common);
        Room { own, free, left: self.limit.saturating_sub(bytes.values().sum()), limit: self.limit }
    }

    // A poisoned count is still a count: every change to it is a single assignment.
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, usize>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Half of the limit is shared out, so that nobody waits for a neighbour. The other half is common:
    /// whoever has used up its share takes of it while there is any, so that no partition is stopped as
    /// long as there is room for its records. One record may be larger than a share, and there may be
    /// thousands of shares: once all together have reached the limit, all stop.
    fn flow(&self, held: usize) -> Flow {
        match held {
            _ if self.left == 0 => Flow::Stop,
            held if held >= self.own && self.free == 0 => Flow::Stop,
            // Not for the room of one record: a pause throws away what was fetched ahead.
            held if held <= usize::midpoint(self.own, self.free) && self.left >= self.limit / 8 => Flow::Go,
            _ => Flow::Keep,
        }
    }
}

fn held(bytes: &HashMap<i32, usize>, partition: i32) -> usize {
    bytes.get(&partition).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn flow(backlog: &Backlog, partition: i32, partitions: usize) -> Flow {
        backlog.flows(&[partition], partitions)[0]
    }

    #[test]
    fn who_waits_for_room_goes_on_when_there_is_some_and_not_only_then() {
        let backlog = Backlog::new(2 * MIB);
        backlog.wait_for_room(&[0], 1, Duration::MAX);
        backlog.add(0, 2 * MIB);
        backlog.wait_for_room(&[], 1, Duration::MAX);
        backlog.wait_for_room(&[0], 1, Duration::ZERO);
        assert_eq!(flow(&backlog, 0, 1), Flow::Stop, "it is the time that was over");
        std::thread::scope(|scope| {
            scope.spawn(|| backlog.remove(0, 2 * MIB));
            backlog.wait_for_room(&[0], 1, Duration::MAX);
        });
        assert_eq!(flow(&backlog, 0, 1), Flow::Go);
    }

    #[test]
    fn a_partition_stops_when_nothing_common_is_left_and_goes_on_at_half_of_what_it_may_have() {
        // 1 MiB of its own, and the 2 MiB that are common.
        let backlog = Backlog::new(4 * MIB);
        assert_eq!(flow(&backlog, 0, 2), Flow::Go);
        backlog.add(0, 3 * MIB - 1);
        assert_eq!(flow(&backlog, 0, 2), Flow::Keep);
        backlog.add(0, 1);
        assert_eq!(flow(&backlog, 0, 2), Flow::Stop);
        assert_eq!(flow(&backlog, 1, 2), Flow::Go, "its neighbour has a share of its own");
        backlog.add(1, MIB);
        assert_eq!(flow(&backlog, 1, 2), Flow::Stop, "and no more than that");
        backlog.remove(0, MIB);
        assert_eq!(flow(&backlog, 0, 2), Flow::Keep);
        assert_eq!(flow(&backlog, 1, 2), Flow::Go);
        backlog.remove(0, MIB);
        assert_eq!(flow(&backlog, 0, 2), Flow::Go);
    }

    #[test]
    fn one_hot_partition_of_many_gets_more_than_an_equal_share() {
        let backlog = Backlog::new(16 * MIB);
        backlog.add(0, 4 * MIB);
        assert_eq!(flow(&backlog, 0, 8), Flow::Keep);
    }

    #[test]
    fn whatever_arrives_in_whatever_order_all_together_stay_within_the_limit() {
        const PARTITIONS: usize = 8;
        let backlog = Backlog::new(16 * MIB);
        for partition in [3, 0, 1, 2, 7, 6, 5, 4] {
            while flow(&backlog, partition, PARTITIONS) != Flow::Stop {
                backlog.add(partition, 1024);
            }
            assert!(backlog.lock()[&partition] >= MIB, "what is its own it gets, whoever came before");
        }
        assert!(backlog.lock().values().sum::<usize>() <= 16 * MIB);
    }

    #[test]
    fn thousands_of_partitions_stay_within_the_limit_and_one_record() {
        const PARTITIONS: i32 = 5_000;
        for record in [100, 10_000, MIB] {
            let backlog = Backlog::new(16 * MIB);
            let all: Vec<i32> = (0..PARTITIONS).collect();
            for &partition in all.iter().cycle().take(1_000_000) {
                if flow(&backlog, partition, all.len()) == Flow::Stop {
                    break;
                }
                backlog.add(partition, record);
            }
            let held: usize = backlog.lock().values().sum();
            assert!((8 * MIB..16 * MIB + record).contains(&held), "{held} of records of {record}");
        }
    }

    #[test]
    fn while_all_that_may_wait_does_nobody_reads_on_and_not_for_one_record_either() {
        let backlog = Backlog::new(16 * MIB);
        backlog.add(0, 100 * MIB);
        assert_eq!(backlog.flows(&[0, 1], 2), [Flow::Stop, Flow::Stop]);
        backlog.remove(0, 85 * MIB);
        assert_eq!(backlog.flows(&[0, 1], 2), [Flow::Stop, Flow::Keep]);
        backlog.remove(0, MIB);
        assert_eq!(backlog.flows(&[0, 1], 2), [Flow::Stop, Flow::Go]);
    }
}
