//! What a run does, as it happens: the one clock of a run, what was sent up to now,
//! what was broken when, and whose memory is watched.
//!
//! Everybody who plays a part in a run holds the same timeline: publishers count,
//! whoever breaks something marks it, the sampler looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::progress::Progress;
use crate::sample::{Mark, Sample, lock};
use crate::server::Stats;

/// Marks beyond this number are shown, but not kept.
const MOST_MARKS: usize = 500;

/// The course of one run.
#[derive(Debug)]
pub struct Timeline {
    progress: Arc<Progress>,
    begun: OnceLock<Instant>,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    marks: Mutex<Vec<Mark>>,
    processes: Mutex<BTreeMap<String, u32>>,
}

impl Timeline {
    /// A run that has not begun. What is marked is shown at once.
    #[must_use]
    pub fn new(progress: Arc<Progress>) -> Self {
        Self {
            progress,
            begun: OnceLock::new(),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            marks: Mutex::default(),
            processes: Mutex::default(),
        }
    }

    /// The clock starts; again has no effect.
    pub fn begin(&self) {
        self.begun.get_or_init(Instant::now);
    }

    /// Time since the run began; zero before.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Says what happens now: `timeline.mark("consumer killed")`.
    pub fn mark(&self, what: impl Into<String>) {
        let mark = Mark { at: self.elapsed(), what: what.into() };
        self.progress.mark(&mark);
        let mut marks = lock(&self.marks);
        if marks.len() < MOST_MARKS {
            marks.push(mark);
        }
    }

    /// All marks, in order.
    #[must_use]
    pub fn marks(&self) -> Vec<Mark> {
        lock(&self.marks).clone()
    }

    /// Watches the memory of a process on this machine from now on. Under a name that
    /// is watched already it takes the other's place, as after a restart.
    pub fn watch(&self, name: impl Into<String>, pid: u32) {
        lock(&self.processes).insert(name.into(), pid);
    }

    /// For the person who looks on.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// So many more copies are on their way for the first time.
    pub fn sent(&self, copies: usize) {
        self.sent.fetch_add(copies as u64, Ordering::Relaxed);
    }

    /// So many more copies are acknowledged.
    pub fn acknowledged(&self, copies: usize) {
        self.acknowledged.fetch_add(copies as u64, Ordering::Relaxed);
    }

    /// What there is to be seen now, besides the server's counters.
    #[must_use]
    pub fn sample(&self, stats: Option<Stats>) -> Sample {
        let processes = lock(&self.processes).clone();
        let memory = processes.into_iter().filter_map(|(name, pid)| Some((name, stack::resident(pid)?))).collect();
        Sample {
            at: self.elapsed(),
            sent: self.sent.load(Ordering::Relaxed),
            acknowledged: self.acknowledged.load(Ordering::Relaxed),
            stats,
            memory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_before_the_beginning_is_at_zero() {
        let timeline = Timeline::new(Arc::new(Progress::new(true)));

        timeline.mark("stack is up");

        assert_eq!(timeline.marks(), [Mark { at: Duration::ZERO, what: "stack is up".to_owned() }]);
    }

    #[test]
    fn memory_is_that_of_the_process_last_named_so() {
        let timeline = Timeline::new(Arc::new(Progress::new(true)));

        timeline.watch("consumer", u32::MAX);
        timeline.watch("gone", u32::MAX);
        timeline.watch("consumer", std::process::id());
        let sample = timeline.sample(None);

        assert_eq!(sample.memory.keys().collect::<Vec<_>>(), ["consumer"]);
        assert!(sample.memory["consumer"] > 1 << 20);
    }
}
