//! Partitions that are to be started, and when each of them may be: pure.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::policy::{LOOK_AGAIN_AFTER, Seen, pause};

/// Those of a writer.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    partitions: BTreeMap<i32, Wait>,
    /// How often those that were out of range, or not told of, were so, without a record in between, and where
    /// those are looked for that were out of range.
    failures: BTreeMap<i32, (u32, Option<i64>)>,
}

/// How one of them waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Not before this moment.
    pub until: Option<Instant>,
    /// What the first look at it has shown, if it is to be looked at again.
    pub seen: Option<Seen>,
}

impl Waiting {
    /// To be started at once. What was seen of it is forgotten.
    pub(crate) fn insert(&mut self, partition: i32) {
        self.partitions.insert(partition, Wait::default());
    }

    /// To be started after a pause that grows until a record of it comes. Gives how often in a row that
    /// was so.
    pub(crate) fn out_of_range(&mut self, partition: i32, at: i64, now: Instant) -> u32 {
        let times = self.failed(partition, Some(at));
        self.partitions.insert(partition, Wait { until: Some(now + pause(times)), seen: None });
        times
    }

    /// To be asked for again after such a pause. What was seen of it is still to be looked at a second time.
    pub(crate) fn is_not_told(&mut self, partition: i32, now: Instant) {
        let until = Some(now + pause(self.failed(partition, None)));
        self.partitions.entry(partition).and_modify(|wait| wait.until = until);
    }

    fn failed(&mut self, partition: i32, at: Option<i64>) -> u32 {
        let (times, looked_for) = self.failures.entry(partition).or_default();
        *times += 1;
        *looked_for = at.or(*looked_for);
        *times
    }

    /// Where each of those is looked for that were out of range.
    pub(crate) fn out_of_range_at(&self) -> impl Iterator<Item = (i32, i64)> {
        self.failures.iter().filter_map(|(&partition, &(_, at))| Some((partition, at?)))
    }

    /// To be looked at a second time.
    pub(crate) fn look_again(&mut self, partition: i32, seen: Seen, now: Instant) {
        self.partitions.insert(partition, Wait { until: Some(now + LOOK_AGAIN_AFTER), seen: Some(seen) });
    }

    /// A record of it has come.
    pub(crate) fn is_read(&mut self, partition: i32) {
        self.failures.remove(&partition);
    }

    /// It waits no longer.
    pub(crate) fn remove(&mut self, partition: i32) {
        self.partitions.remove(&partition);
    }

    /// Nothing is known of it any more.
    pub(crate) fn forget(&mut self, partition: i32) {
        self.remove(partition);
        self.is_read(partition);
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// How this one waits, if it does.
    #[must_use]
    pub fn get(&self, partition: i32) -> Option<Wait> {
        self.partitions.get(&partition).copied()
    }

    /// Those that may be started now, of the first `count` partitions, and what was seen of them.
    pub(crate) fn due(&self, now: Instant, count: i32) -> Vec<(i32, Option<Seen>)> {
        let those = self.partitions.iter().filter(|(partition, _)| **partition < count);
        let due = those.filter(|(_, wait)| wait.until.is_none_or(|until| until <= now));
        due.map(|(&partition, wait)| (partition, wait.seen)).collect()
    }

    /// When the next of the first `count` partitions may be started; the past, if one may be now.
    pub(crate) fn next(&self, now: Instant, count: i32) -> Option<Instant> {
        let those = self.partitions.range(..count);
        those.map(|(_, wait)| wait.until.unwrap_or(now)).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn out_of_range_again_and_again_waits_longer_until_a_record_comes() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        assert_eq!(waiting.out_of_range(1, 7, now), 1);
        assert_eq!(waiting.due(now, 8), [(1, None)], "the first time at once");
        assert_eq!(waiting.out_of_range(1, 7, now), 2);
        assert_eq!(waiting.due(now, 8), []);
        assert_eq!(waiting.next(now, 8), Some(now + SECOND));
        assert_eq!(waiting.due(now + SECOND, 8), [(1, None)]);
        waiting.is_read(1);
        assert_eq!(waiting.out_of_range(1, 7, now), 1);
    }

    #[test]
    fn what_was_seen_is_told_at_the_second_look_unless_the_partition_is_started_anew() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        waiting.look_again(1, Seen::Trimmed { low: 5 }, now);
        assert_eq!(waiting.due(now, 8), []);
        assert_eq!(waiting.due(now + SECOND, 8), [(1, Some(Seen::Trimmed { low: 5 }))]);
        waiting.insert(1);
        assert_eq!(waiting.due(now, 8), [(1, None)]);
    }

    #[test]
    fn one_that_is_not_told_of_is_asked_for_later_and_later_and_holds_up_no_other() {
        let seen = Instant::now();
        let now = seen + SECOND;
        let mut waiting = Waiting::default();
        waiting.look_again(1, Seen::Short { high: 5 }, seen);
        waiting.insert(2);
        waiting.is_not_told(1, now);
        waiting.is_not_told(1, now);
        assert_eq!(waiting.due(now, 8), [(2, None)]);
        assert_eq!(waiting.due(now + SECOND, 8), [(1, Some(Seen::Short { high: 5 })), (2, None)]);
        waiting.is_not_told(3, now);
        assert_eq!(waiting.get(3), None, "it was given up meanwhile");
    }

    #[test]
    fn partitions_that_the_log_does_not_have_are_never_due() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        waiting.insert(8);
        assert_eq!((waiting.due(now, 8), waiting.next(now, 8)), (Vec::new(), None));
        assert_eq!((waiting.due(now, 9), waiting.next(now, 9)), (vec![(8, None)], Some(now)));
    }
}
