//! Whether partitions stand still although the log holds more of them: the writers tell how far they have read,
//! the broker is asked every few seconds where the log ends, and what does not move is said in the log, by a
//! gauge, and to the health check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use broker::LogClient;
use broker::stall::{Position, Stall, StallWatch};
use metrics::{describe_gauge, gauge};

use crate::planted;
use crate::status::Status;

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Of one look. A whole topic may stand still.
const LINES_AT_ONCE: usize = 10;

/// How far the writers have read. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions {
    /// Whose they are: each writer has a number.
    by: usize,
    all: Arc<Mutex<BTreeMap<usize, Vec<Position>>>>,
}

impl Positions {
    /// The same, with those of another one.
    pub(crate) fn by(&self, by: usize) -> Positions {
        Positions { by, ..self.clone() }
    }

    /// These, and no others, are what this writer reads and has nothing of in its hands.
    pub(crate) fn tell(&self, positions: Vec<Position>) {
        self.lock().insert(self.by, positions);
    }

    fn of_all(&self) -> Vec<Position> {
        self.lock().values().flatten().cloned().collect()
    }

    // A poisoned map is still one: each change to it is one call.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<Position>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks again and again.
pub(crate) struct StandstillWatch {
    log: LogClient,
    positions: Positions,
    status: Status,
    watch: StallWatch,
    told: Told,
    /// Those that have a gauge: all that were read. An alarm on a gauge that is not there yet is silent.
    measured: BTreeSet<i32>,
}

impl StandstillWatch {
    pub(crate) fn new(log: LogClient, positions: Positions, (status, after): (Status, Duration)) -> Self {
        describe_gauge!(
            "oncelog_partition_stalled",
            "Whether a partition stands still although the log holds more of it"
        );
        let (watch, told) = (StallWatch::new(after), Told::default());
        StandstillWatch { log, positions, status, watch, told, measured: BTreeSet::new() }
    }

    /// Never ends.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.log.each_end().await {
                Ok(ends) => {
                    let (now, positions) = (Instant::now(), self.positions.of_all());
                    self.measured.extend(positions.iter().map(|position| position.partition));
                    let stalls = planted::stalls(self.watch.look(now, &ends, positions));
                    self.tell(&stalls, now);
                }
                // Whoever needs an answer says so.
                Err(error) => {
                    self.watch.could_not_look();
                    tracing::debug!(%error, "it can't be told whether partitions stand still");
                }
            }
        }
    }

    fn tell(&mut self, stalls: &[Stall], now: Instant) {
        for &partition in &self.measured {
            let is_stalled = stalls.iter().any(|stall| stall.partition == partition);
            gauge!("oncelog_partition_stalled", "partition" => partition.to_string()).set(f64::from(is_stalled));
        }
        self.status.stand_still(self.log.explain_all(stalls));
        let topic = self.log.topic();
        for (partition, lasted) in self.told.ended(stalls, now) {
            tracing::info!(topic, partition, after_s = lasted.as_secs(), "partition {partition} goes on");
        }
        let due = self.told.due(stalls, now);
        for stall in due.iter().take(LINES_AT_ONCE) {
            let (Stall { partition, offset, since, .. }, said) = (stall, self.log.explain(stall));
            let for_s = now.saturating_duration_since(*since).as_secs();
            tracing::error!(topic, partition, offset, for_s, "{said}");
        }
        if due.len() > LINES_AT_ONCE {
            let partitions: Vec<i32> = due[LINES_AT_ONCE..].iter().map(|stall| stall.partition).collect();
            tracing::error!(topic, ?partitions, "and so do these");
        }
    }
}

/// What was told of partitions that stand still: pure.
#[derive(Debug, Default)]
struct Told(BTreeMap<i32, Telling>);

/// Of one of them.
#[derive(Debug)]
struct Telling {
    since: Instant,
    /// When it is told again.
    again: Instant,
}

impl Told {
    /// Between two lines of one partition, at most.
    const LONGEST: Duration = Duration::from_hours(1);

    /// Those that are worth a line now: at first, and then each time that it has lasted twice as long.
    fn due<'a>(&mut self, stalls: &'a [Stall], now: Instant) -> Vec<&'a Stall> {
        let is_due = |stall: &&Stall| {
            let since = stall.since;
            let telling = self.0.entry(stall.partition).or_insert(Telling { since, again: now });
            let is_due = telling.again <= now;
            if is_due {
                telling.again = now + now.saturating_duration_since(since).min(Self::LONGEST);
            }
            is_due
        };
        stalls.iter().filter(is_due).collect()
    }

    /// Those that were told of and stand still no more, or at another place; and for how long they did.
    fn ended(&mut self, stalls: &[Stall], now: Instant) -> Vec<(i32, Duration)> {
        let still = |partition: i32, since: Instant| {
            stalls.iter().any(|stall| (stall.partition, stall.since) == (partition, since))
        };
        let ended = self.0.extract_if(.., |partition, telling| !still(*partition, telling.since));
        ended.map(|(partition, telling)| (partition, now.saturating_duration_since(telling.since))).collect()
    }
}

#[cfg(test)]
mod tests {
    use broker::stall::Cause;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn stall(partition: i32, since: Instant) -> Stall {
        Stall { partition, offset: 7, since, cause: Cause::Unknown }
    }

    #[test]
    fn a_standstill_is_told_at_once_and_then_at_growing_intervals_and_its_end_once() {
        let (begun, mut told) = (Instant::now(), Told::default());
        let lines: Vec<u32> = (6..=2000)
            .map(|look| look * 5)
            .filter(|&second| !told.due(&[stall(3, begun)], begun + SECOND * second).is_empty())
            .collect();
        assert_eq!(lines, [30, 60, 120, 240, 480, 960, 1920, 3840, 7440]);
        let now = begun + SECOND * 10_005;
        assert_eq!(told.ended(&[stall(3, begun)], now), []);
        assert_eq!(told.ended(&[], now), [(3, SECOND * 10_005)]);
        assert_eq!(told.ended(&[], now), []);
    }

    #[test]
    fn one_that_went_on_and_stands_still_elsewhere_is_another() {
        let (begun, mut told) = (Instant::now(), Told::default());
        let (first, second) = ([stall(3, begun)], [stall(3, begun + SECOND * 60)]);
        assert_eq!(told.due(&first, begun + SECOND * 30).len(), 1);
        let now = begun + SECOND * 90;
        assert_eq!(told.ended(&second, now), [(3, SECOND * 90)]);
        assert_eq!(told.due(&second, now).len(), 1);
    }

    #[test]
    fn a_writer_tells_its_own_positions_and_no_others() {
        let all = Positions::default();
        let at = |partition| Position { partition, offset: 7, at: Instant::now(), failure: None };
        all.by(1).tell(vec![at(1), at(4)]);
        all.by(2).tell(vec![at(2)]);
        all.by(1).tell(vec![at(4)]);
        let partitions: Vec<i32> = all.of_all().iter().map(|position| position.partition).collect();
        assert_eq!(partitions, [4, 2]);
    }
}
