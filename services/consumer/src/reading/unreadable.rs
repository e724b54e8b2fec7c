//! Partitions in which a batch can't be read, and when each of them is tried again: pure.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::planted;
use crate::policy::pause;

/// Those of a writer. Each stands before its batch, and nothing behind it is taken in.
#[derive(Clone, Debug, Default)]
pub struct Unreadable(BTreeMap<i32, Batch>);

/// A batch that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its first offset, or where the partition is read; the higher one.
    pub offset: i64,
    /// In librdkafka's words.
    pub reason: String,
    /// How often it was tried in a row.
    pub times: u32,
    /// When it is tried again; none while it is.
    again: Option<Instant>,
    /// Whether another client was asked since it was tried last.
    is_asked: bool,
}

impl Unreadable {
    /// The batch was tried in vain, and is tried again after a pause that grows. Gives how often in a row.
    pub(crate) fn note(&mut self, partition: i32, (offset, reason): (i64, String), now: Instant) -> u32 {
        let before = self.0.get(&partition).filter(|batch| batch.offset == offset);
        let times = before.map_or(1, |batch| batch.times.saturating_add(1));
        self.0.insert(partition, Batch { offset, reason, times, again: Some(now + pause(times)), is_asked: false });
        times
    }

    /// Those that were tried twice in vain, about which another client is to be asked; each is told once.
    pub(crate) fn take_doubtful(&mut self) -> Vec<(i32, i64)> {
        let tried = |batch: &Batch| batch.times > 1 || planted::unreadable_is_skipped_at_once();
        let those = self.0.iter_mut().filter(|(_, batch)| tried(batch) && !batch.is_asked);
        those
            .map(|(&partition, batch)| {
                batch.is_asked = true;
                (partition, batch.offset)
            })
            .collect()
    }

    /// The partition is read from here on.
    pub(crate) fn is_read(&mut self, partition: i32, from: i64) {
        if self.0.get(&partition).is_some_and(|batch| from > batch.offset) {
            self.0.remove(&partition);
        }
    }

    /// Nothing is known of it any more.
    pub(crate) fn forget(&mut self, partition: i32) {
        self.0.remove(&partition);
    }

    /// The batch that this partition stands before.
    #[must_use]
    pub fn get(&self, partition: i32) -> Option<&Batch> {
        self.0.get(&partition)
    }

    /// Those that are to be tried now; each is told once.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<i32> {
        let due = self.0.iter_mut().filter(|(_, batch)| batch.again.is_some_and(|again| again <= now));
        due.map(|(&partition, batch)| {
            batch.again = None;
            partition
        })
        .collect()
    }

    /// When the next one is to be tried.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|batch| batch.again).min()
    }
}
