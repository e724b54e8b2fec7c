//! Whose verdict can be read, and who waits in vain: plain data in, plain data out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::LogId;

/// The highest offset that a request has in each partition it wrote to.
pub(super) type Needs = Vec<(i32, i64)>;

/// What can be said about a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitState {
    /// Every record of it has been passed: its verdicts are in the tables.
    Passed,
    /// Not yet.
    Behind,
    /// At the pace of the last moments it will not be passed in time.
    Hopeless,
}

/// How long until the next look, where nothing that is waited for has moved for so long: a twentieth of it, so
/// that a wait becomes longer by no more; from `at_least` up to 20 ms, or `at_least` if that is more.
pub(super) fn look_after(still: Duration, at_least: Duration) -> Duration {
    const AT_MOST: Duration = Duration::from_millis(20);
    (still / 20).min(AT_MOST).max(at_least)
}

/// The offsets of a request, reduced to what has to be passed.
pub(super) fn needs(positions: impl Iterator<Item = (i32, i64)>) -> Needs {
    let mut highest: HashMap<i32, i64> = HashMap::new();
    for (partition, offset) in positions {
        let entry = highest.entry(partition).or_insert(offset);
        *entry = offset.max(*entry);
    }
    highest.into_iter().collect()
}

/// How far a log was stored at a moment, as far as anybody looked. A record that is appended to it later lies no
/// lower. If one does, it lies in another log, and what is told of its position is told of another record.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredBefore {
    log_id: Option<LogId>,
    next_offsets: Arc<HashMap<i32, i64>>,
}

impl StoredBefore {
    /// Notes what a look at `progress` found.
    pub(super) fn note(&mut self, log_id: LogId, next_offsets: &[(i32, i64)]) {
        if self.log_id != Some(log_id) {
            *self = StoredBefore { log_id: Some(log_id), next_offsets: Arc::default() };
        }
        let known = |(partition, next): &(i32, i64)| self.next_offsets.get(partition) == Some(next);
        if !next_offsets.iter().all(known) {
            Arc::make_mut(&mut self.next_offsets).extend(next_offsets.iter().copied());
        }
    }

    /// Whether records that were appended since then may lie at these positions of this log.
    pub(super) fn admits(&self, log_id: LogId, positions: impl Iterator<Item = (i32, i64)>) -> bool {
        self.log_id.is_none_or(|known| known == log_id) && self.refused(log_id, positions).next().is_none()
    }

    /// Those of these positions of this log where no record can lie that was appended since then.
    pub(super) fn refused(
        &self,
        log_id: LogId,
        positions: impl Iterator<Item = (i32, i64)>,
    ) -> impl Iterator<Item = (i32, i64)> {
        let is_known = self.log_id == Some(log_id);
        let below =
            |(partition, offset): &(i32, i64)| self.next_offsets.get(partition).is_some_and(|next| offset < next);
        positions.filter(move |position| is_known && below(position))
    }
}

/// How far each partition has been stored, and how fast it goes.
#[derive(Debug, Default)]
pub(super) struct Pace {
    partitions: HashMap<i32, Partition>,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    next_offset: i64,
    looked: Instant,
    /// Where the measurement of the pace began.
    from: (Instant, i64),
    /// Records per second, once measured.
    rate: Option<f64>,
}

impl Pace {
    /// How long a measurement lasts: above the duration of a transaction, or a pause between two of
    /// them would look like a standstill.
    const WINDOW: Duration = Duration::from_millis(500);

    /// Notes what a look at the `progress` of these partitions found; whether any has moved.
    pub(super) fn note(&mut self, now: Instant, partitions: &[i32], next_offsets: &[(i32, i64)]) -> bool {
        let mut moved = false;
        if next_offsets.len() < partitions.len() {
            let found = |partition: &i32| next_offsets.iter().any(|(found, _)| found == partition);
            partitions.iter().filter(|partition| !found(partition)).for_each(|partition| {
                // What was seen of it was another log's.
                self.partitions.remove(partition);
            });
        }
        for &(partition, next_offset) in next_offsets {
            let seen = Partition { next_offset, looked: now, from: (now, next_offset), rate: None };
            let entry = self.partitions.entry(partition).or_insert(seen);
            moved |= next_offset != entry.next_offset;
            let (began, from) = entry.from;
            let elapsed = now.duration_since(began);
            if now.duration_since(entry.looked) > Self::WINDOW || next_offset < entry.next_offset {
                // Nobody waited for a while, or this is another log.
                *entry = seen;
            } else if elapsed >= Self::WINDOW {
                let rate = (next_offset - from) as f64 / elapsed.as_secs_f64();
                *entry = Partition { rate: Some(rate), ..seen };
            } else {
                (entry.next_offset, entry.looked) = (next_offset, now);
            }
        }
        moved
    }

    /// Where a request stands that has `left` to wait. A backlog of at most `small` records is never
    /// hopeless: a pause of the consumer would turn publishers away that it serves a moment later.
    pub(super) fn standing(&self, needs: &Needs, left: Duration, small: i64) -> WaitState {
        let mut standing = WaitState::Passed;
        for (partition, offset) in needs {
            let Some(seen) = self.partitions.get(partition) else {
                standing = WaitState::Behind;
                continue;
            };
            let backlog = offset + 1 - seen.next_offset;
            if backlog <= 0 {
                continue;
            }
            let stored_in_time = |rate: f64| rate * left.as_secs_f64() >= backlog as f64;
            if backlog > small && seen.rate.is_some_and(|rate| !stored_in_time(rate)) {
                return WaitState::Hopeless;
            }
            standing = WaitState::Behind;
        }
        standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: i64 = 20_000;
    const LEFT: Duration = Duration::from_secs(2);

    /// A pace after these looks at partition 0, a tenth of a second apart.
    fn looks(next_offsets: &[i64]) -> Pace {
        let start = Instant::now();
        let mut pace = Pace::default();
        for (count, next_offset) in next_offsets.iter().enumerate() {
            pace.note(start + Duration::from_millis(100) * count as u32, &[0], &[(0, *next_offset)]);
        }
        pace
    }

    fn standing(pace: &Pace, offset: i64) -> WaitState {
        pace.standing(&vec![(0, offset)], LEFT, SMALL)
    }

    #[test]
    fn looks_become_rare_only_where_nothing_moves() {
        let ms = Duration::from_millis;
        let after = |still| look_after(ms(still), ms(1));

        assert_eq!([0, 16, 20, 100, 400, 30_000].map(after), [1, 1, 1, 5, 20, 20].map(ms));
        assert_eq!(look_after(ms(30_000), ms(60)), ms(60), "what was set is kept");
    }

    #[test]
    fn a_partition_that_is_further_or_back_has_moved_and_one_that_is_new_has_not() {
        let (now, mut pace) = (Instant::now(), Pace::default());

        let moved = [(0, 7), (0, 7), (0, 8), (1, 3), (0, 2)].map(|found| pace.note(now, &[], &[found]));

        assert_eq!(moved, [false, false, true, false, true]);
    }

    #[test]
    fn a_partition_of_which_this_log_has_no_progress_yet_is_behind() {
        let mut pace = looks(&[100]);
        assert_eq!(standing(&pace, 5), WaitState::Passed);

        pace.note(Instant::now(), &[0], &[]);

        assert_eq!(standing(&pace, 5), WaitState::Behind);
    }

    #[test]
    fn a_record_below_what_was_stored_before_it_was_appended_lies_in_another_log() {
        let mut stored_before = StoredBefore::default();
        assert!(stored_before.admits(1, [(0, 0)].into_iter()), "nothing is known yet");
        stored_before.note(1, &[(0, 100)]);
        stored_before.note(1, &[(1, 7)]);

        assert!(stored_before.admits(1, [(0, 100), (1, 7), (2, 0)].into_iter()));
        assert!(!stored_before.admits(1, [(0, 100), (1, 6)].into_iter()));
        assert!(!stored_before.admits(2, [(0, 100)].into_iter()), "another log began in between");
    }

    #[test]
    fn only_positions_of_the_same_log_below_its_floor_are_refused() {
        let mut stored_before = StoredBefore::default();
        stored_before.note(1, &[(0, 100), (1, 7)]);
        let refused =
            |log_id| stored_before.refused(log_id, [(0, 99), (0, 100), (1, 6), (2, 0)].into_iter()).collect::<Vec<_>>();
        assert_eq!(refused(1), [(0, 99), (1, 6)]);
        assert_eq!(refused(2), [], "of another log nothing is known");
    }

    #[test]
    fn a_floor_is_that_of_the_last_look_and_of_one_log() {
        let mut stored_before = StoredBefore::default();
        stored_before.note(1, &[(0, 100)]);
        let before = stored_before.clone();
        stored_before.note(1, &[(0, 60)]);
        assert!(stored_before.admits(1, [(0, 60)].into_iter()), "an older copy of the database");
        assert!(!before.admits(1, [(0, 60)].into_iter()));
        stored_before.note(2, &[]);
        assert!(stored_before.admits(2, [(0, 0)].into_iter()));
    }

    #[test]
    fn only_the_highest_offset_of_a_partition_has_to_be_passed() {
        let mut needs = needs([(0, 4), (1, 9), (0, 7), (0, 5)].into_iter());
        needs.sort_unstable();

        assert_eq!(needs, [(0, 7), (1, 9)]);
    }

    #[test]
    fn a_record_is_passed_when_the_next_offset_is_above_it() {
        assert_eq!(standing(&looks(&[8]), 7), WaitState::Passed);
        assert_eq!(standing(&looks(&[7]), 7), WaitState::Behind);
    }

    #[test]
    fn all_partitions_have_to_pass() {
        let mut pace = looks(&[8]);
        let needs = vec![(0, 7), (1, 3)];

        assert_eq!(pace.standing(&needs, LEFT, SMALL), WaitState::Behind);
        pace.note(Instant::now(), &[1], &[(1, 4)]);
        assert_eq!(pace.standing(&needs, LEFT, SMALL), WaitState::Passed);
    }

    #[test]
    fn a_small_backlog_is_waited_for_even_at_a_standstill() {
        let still = looks(&[10, 10, 10, 10, 10, 10, 10]);

        assert_eq!(standing(&still, 10 + SMALL - 1), WaitState::Behind);
        assert_eq!(standing(&still, 10 + SMALL), WaitState::Hopeless);
    }

    #[test]
    fn a_large_backlog_is_hopeless_where_the_pace_is_too_slow() {
        // 20,000 records per second.
        let pace = looks(&[0, 2_000, 4_000, 6_000, 8_000, 10_000]);

        assert_eq!(standing(&pace, 10_000 + 39_000), WaitState::Behind);
        assert_eq!(standing(&pace, 10_000 + 41_000), WaitState::Hopeless);
    }

    #[test]
    fn nothing_is_called_hopeless_before_the_pace_is_measured() {
        assert_eq!(standing(&looks(&[0, 0, 0]), 1_000_000), WaitState::Behind);
    }

    #[test]
    fn the_pace_before_a_long_pause_of_looking_is_forgotten() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.note(start, &[0], &[(0, 0)]);
        pace.note(start + Duration::from_mins(1), &[0], &[(0, 10)]);

        assert_eq!(standing(&pace, 1_000_000), WaitState::Behind);
    }
}
