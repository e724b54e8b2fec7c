//! The counters over time.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::server::{Server, Stats};

const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// Beyond this, every second sample is forgotten.
const MOST_SAMPLES: usize = 10_000;

/// Reads `/stats` again and again until it is stopped. A server that does not
/// answer leaves a gap.
#[derive(Debug)]
pub struct Sampler {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<(Duration, Stats)>>,
}

impl Sampler {
    /// Begins.
    #[must_use]
    pub fn start(server: &Server) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(sample(server.clone(), stopped)) }
    }

    /// Ends, and returns the samples with their age at the start, in order.
    pub async fn stop(self) -> Vec<(Duration, Stats)> {
        // The task may only have ended before if it panicked, which the next line
        // turns into "no samples": they are an extra, never the verdict's only base.
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

async fn sample(server: Server, mut stopped: oneshot::Receiver<()>) -> Vec<(Duration, Stats)> {
    let begun = Instant::now();
    let mut samples: Vec<(Duration, Stats)> = Vec::new();
    let mut ticks = interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stopped => return samples,
            _ = ticks.tick() => {}
        }
        if let Ok(stats) = server.stats().await {
            samples.push((begun.elapsed(), stats));
        }
        if samples.len() > MOST_SAMPLES {
            let mut keep = false;
            samples.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }
}
