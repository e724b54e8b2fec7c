//! A rate that is kept, and the times that were taken under it.
//!
//! A time begins when the request was due, not when it was sent: a server that stands still for a
//! second makes a second's requests late, not one (coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Longer times count as this one, a minute.
const LONGEST_MICROS: u64 = 60_000_000;

/// A rate that is to be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Requests per second.
    pub(super) rate: u64,
    /// For how long.
    pub(super) lasting: Duration,
    /// How many may be under way at once; more than ever should be.
    pub(super) clients: usize,
}

/// Gives out what is due. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    due: Arc<Semaphore>,
    taken: Arc<AtomicU64>,
    begun: Instant,
    rate: u64,
}

/// A request that is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) nth: u64,
    pub(super) at: Instant,
}

impl Pace {
    /// Begins. A thread of its own keeps the time: tokio's timers are a millisecond late.
    pub(super) fn start(self) -> Beat {
        let beat =
            Beat { due: Arc::new(Semaphore::new(0)), taken: Arc::default(), begun: Instant::now(), rate: self.rate };
        let count = (self.rate as f64 * self.lasting.as_secs_f64()) as u64;
        let keeper = beat.clone();
        std::thread::spawn(move || {
            for nth in 0..count {
                std::thread::sleep(keeper.at(nth).saturating_duration_since(Instant::now()));
                keeper.due.add_permits(1);
            }
            // Whoever still waits is told that nothing is left; what is due is taken before.
            while keeper.taken.load(Ordering::Acquire) < count && Arc::strong_count(&keeper.due) > 1 {
                std::thread::sleep(Duration::from_millis(1));
            }
            keeper.due.close();
        });
        beat
    }
}

impl Beat {
    /// The next request that is due; none: that was all.
    pub(super) async fn next(&self) -> Option<Due> {
        self.due.acquire().await.ok()?.forget();
        let nth = self.taken.fetch_add(1, Ordering::AcqRel);
        Some(Due { nth, at: self.at(nth) })
    }

    fn at(&self, nth: u64) -> Instant {
        self.begun + Duration::from_nanos(nth * 1_000_000_000 / self.rate)
    }
}

/// Times, as a histogram of microseconds.
#[derive(Clone, Debug)]
pub(super) struct Times(Option<Histogram<u64>>);

impl Times {
    pub(super) fn new() -> Self {
        // These bounds are valid; without a histogram every quantile would be 0.
        Self(Histogram::new_with_bounds(1, LONGEST_MICROS, 3).ok())
    }

    /// Adds the time since then.
    pub(super) fn since(&mut self, then: Instant) {
        if let Some(micros) = &mut self.0 {
            micros.saturating_record(then.elapsed().as_micros() as u64);
        }
    }

    /// What was waited for did not come: it counts as the longest.
    pub(super) fn never(&mut self) {
        if let Some(micros) = &mut self.0 {
            micros.saturating_record(LONGEST_MICROS);
        }
    }

    /// What all tasks have taken.
    pub(super) async fn of_all(mut tasks: JoinSet<Result<Self>>) -> Result<Self> {
        let mut all = Self::new();
        while let Some(ended) = tasks.join_next().await {
            if let (Some(all), Some(one)) = (&mut all.0, ended??.0) {
                all.add(one)?;
            }
        }
        Ok(all)
    }

    /// Milliseconds that this share took at most.
    pub(super) fn millis_at(&self, quantile: f64) -> f64 {
        self.0.as_ref().map_or(0.0, |micros| micros.value_at_quantile(quantile) as f64 / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn each_is_due_once_and_later_than_the_one_before() {
        let beat = Pace { rate: 10_000, lasting: Duration::from_millis(20), clients: 1 }.start();
        let mut all = Vec::new();
        while let Some(due) = beat.next().await {
            all.push(due);
        }
        assert_eq!(all.iter().map(|due| due.nth).collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
        assert!(all.windows(2).all(|pair| pair[0].at < pair[1].at));
    }

    #[tokio::test]
    async fn times_of_all_tasks_come_together() {
        let mut tasks = JoinSet::new();
        for millis in [1, 2, 3] {
            tasks.spawn(async move {
                let mut times = Times::new();
                times.since(Instant::now().checked_sub(Duration::from_millis(millis)).unwrap());
                Ok(times)
            });
        }
        let all = Times::of_all(tasks).await.unwrap();
        assert!(all.millis_at(0.0) >= 1.0 && all.millis_at(1.0) >= 3.0);
    }
}
