//! What is worth a log line while something fails: each cause once, a reminder every minute of how long
//! it has lasted, and the end.
//!
//! Whoever repeats a failing call several times a second would bury the log under one sentence, and so
//! would whatever fails and works by turns. Pure: the clock is given.

use std::time::{Duration, Instant};

/// How long a cause that was told stays untold.
const EVERY: Duration = Duration::from_mins(1);
/// How many causes are remembered; beyond, the one that was told longest ago is forgotten.
const CAUSES: usize = 32;

/// One thing that works or fails.
#[derive(Clone, Debug, Default)]
pub struct Reminder {
    /// When it began to fail; none while it works.
    since: Option<Instant>,
    /// Whether anything was told of this failure.
    is_told: bool,
    /// Causes, and when each was told last.
    told: Vec<(String, Instant)>,
}

impl Reminder {
    /// One that works.
    #[must_use]
    pub const fn new() -> Reminder {
        Reminder { since: None, is_told: false, told: Vec::new() }
    }

    /// It fails for this cause. If that is worth a line: how long it has failed, zero at its beginning.
    pub fn fails(&mut self, cause: &str, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        match self.told.iter_mut().find(|(told, _)| told == cause) {
            Some((_, at)) if now.saturating_duration_since(*at) < EVERY => return None,
            Some((_, at)) => *at = now,
            None => self.tell(cause, now),
        }
        self.is_told = true;
        Some(now.saturating_duration_since(since))
    }

    /// It works. If a failure that was told has ended: how long it has lasted, which is worth a line.
    pub fn works(&mut self, now: Instant) -> Option<Duration> {
        let since = self.since.take()?;
        std::mem::take(&mut self.is_told).then(|| now.saturating_duration_since(since))
    }

    fn tell(&mut self, cause: &str, now: Instant) {
        if self.told.len() == CAUSES {
            let oldest = self.told.iter().enumerate().min_by_key(|(_, (_, at))| *at);
            if let Some((place, _)) = oldest {
                self.told.swap_remove(place);
            }
        }
        self.told.push((cause.to_owned(), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_cause_is_told_once_and_then_once_a_minute_with_how_long_it_has_lasted() {
        let (mut reminder, start) = (Reminder::new(), Instant::now());
        let told: Vec<(u32, Duration)> = (0..=130)
            .filter_map(|second| Some((second, reminder.fails("it is down", start + SECOND * second)?)))
            .collect();
        assert_eq!(told, [(0, Duration::ZERO), (60, SECOND * 60), (120, SECOND * 120)]);
    }

    #[test]
    fn another_cause_is_told_at_once_and_two_that_take_turns_are_told_once_each() {
        let (mut reminder, start) = (Reminder::new(), Instant::now());
        let causes = ["refused", "timed out", "refused", "timed out", "refused"];
        let at = |second| start + SECOND * second;
        let told: Vec<_> = causes.iter().zip(0..).map(|(cause, second)| reminder.fails(cause, at(second))).collect();
        assert_eq!(told, [Some(Duration::ZERO), Some(SECOND), None, None, None]);
    }

    #[test]
    fn the_end_is_told_once_and_a_later_failure_anew() {
        let (mut reminder, start) = (Reminder::new(), Instant::now());
        assert_eq!(reminder.works(start), None, "it has never failed");
        assert_eq!(reminder.fails("it is down", start), Some(Duration::ZERO));
        assert_eq!(reminder.works(start + SECOND * 7), Some(SECOND * 7));
        assert_eq!(reminder.works(start + SECOND * 8), None);
        assert_eq!(reminder.fails("it is down", start + SECOND * 60), Some(Duration::ZERO));
        assert_eq!(reminder.works(start + SECOND * 61), Some(SECOND));
    }

    #[test]
    fn what_fails_and_works_by_turns_is_told_once_a_minute() {
        let (mut reminder, start) = (Reminder::new(), Instant::now());
        let mut told = 0;
        for turn in 0..1190 {
            let now = start + Duration::from_millis(100) * turn;
            let line = if turn % 2 == 0 { reminder.fails("locked", now) } else { reminder.works(now) };
            told += u32::from(line.is_some());
        }
        assert_eq!(told, 4, "two failures and their ends in two minutes");
    }

    #[test]
    fn so_many_causes_are_remembered_and_no_more() {
        let (mut reminder, start) = (Reminder::new(), Instant::now());
        for cause in 0..1000 {
            assert!(reminder.fails(&cause.to_string(), start + SECOND * cause / 1000).is_some());
        }
        assert_eq!(reminder.told.len(), CAUSES);
        assert_eq!(reminder.fails("999", start + SECOND), None, "the newest are kept");
    }
}
