//! The counters over time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::sample::Sample;
use crate::server::Server;
use crate::timeline::Timeline;

const FIRST_EVERY: Duration = Duration::from_millis(200);
/// Beyond this, every second sample is forgotten, and half as many are taken from
/// then on: a long run is no larger than a short one.
const MOST_SAMPLES: usize = 1_200;
/// A server that takes longer is away, as far as a plot goes.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Looks at a run again and again until it is stopped. A server that does not
/// answer leaves a gap in its counters, and in nothing else.
#[derive(Debug)]
pub struct Sampler {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    /// Begins, with a first look before anything else happens: counts start from it.
    pub async fn start(server: &Server, timeline: &Arc<Timeline>) -> Self {
        let first = look(server, timeline).await;
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(watch(server.clone(), timeline.clone(), first, stopped)) }
    }

    /// Ends with a last look, and returns the samples in order.
    pub async fn stop(self) -> Vec<Sample> {
        // The task may only have ended before if it panicked, which the next line
        // turns into "no samples": they are an extra, never the verdict's only base.
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

async fn watch(
    server: Server,
    timeline: Arc<Timeline>,
    first: Sample,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Sample> {
    let mut samples = vec![first];
    let mut every = FIRST_EVERY;
    let mut ticks = ticks(every);
    loop {
        let last = tokio::select! {
            _ = &mut stopped => true,
            _ = ticks.tick() => false,
        };
        let sample = look(&server, &timeline).await;
        timeline.progress().show(&samples, &sample);
        samples.push(sample);
        if last {
            return samples;
        }
        if samples.len() > MOST_SAMPLES {
            samples = samples.into_iter().step_by(2).collect();
            every *= 2;
            ticks = self::ticks(every);
        }
    }
}

async fn look(server: &Server, timeline: &Timeline) -> Sample {
    let stats = timeout(ANSWER_WITHIN, server.stats()).await;
    timeline.sample(stats.ok().and_then(Result::ok))
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}
