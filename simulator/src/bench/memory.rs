//! Resident memory of api and consumer: at rest, under load, with a backlog, without a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::load::{self, Manner};
use super::report::{Goal, Line};
use super::rig::{Database, Rig, Running};
use super::terms::{Size, Terms};
use super::workload::{Mix, Repeats};
use super::{kafka, sink};
use crate::progress::Progress;

const TOPICS: u64 = 100;
/// MiB that each process may have.
const LIMIT: f64 = 64.0;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What a process takes to be at rest.
const REST: Duration = Duration::from_secs(2);
const BACKLOG: Mix =
    Mix { name: "backlog", repeats: Repeats::Recent { share: 0.3, window: 10_000 }, topics: TOPICS, by_event: false };

pub(super) async fn measure(rig: &Rig, terms: &Terms, progress: &Progress) -> Result<Vec<Line>> {
    let topic = rig.fresh("bench");
    kafka::create_topic(&rig.brokers(), &topic).await?;
    let database = rig.database().await?;
    let api = Arc::new(rig.api(&topic, &database).await?);
    let consumer = Arc::new(rig.consumer(&topic, &database).await?);
    let both = [("api", api.clone()), ("consumer", consumer.clone())];
    let mut lines = Vec::new();

    progress.doing("memory: at rest");
    lines.extend(peaks("at rest", &both, sleep(REST)).await);
    progress.doing("memory: under load");
    lines.extend(peaks("under load", &both, publish(&api, terms.load_for(), false)).await);
    progress.doing("memory: without a database");
    rig.stop_database();
    let outage = match terms.size {
        Size::Quick => Duration::from_secs(5),
        Size::Standard => Duration::from_secs(20),
        Size::Full => Duration::from_mins(3),
    };
    lines.extend(peaks("without a database", &both, publish(&api, outage / 4, true)).await);
    rig.start_database()?;
    drop(both);
    end(api).await?;
    end(consumer).await?;
    progress.doing("memory: with a backlog");
    lines.push(backlog(rig, terms, &database).await?);
    rig.drop_database(database).await?;
    Ok(lines)
}

async fn end(process: Arc<Running>) -> Result<()> {
    match Arc::into_inner(process) {
        Some(process) => process.end().await,
        None => Ok(()),
    }
}

/// Everything at once: single events, batches, large batches.
async fn publish(api: &Running, each: Duration, respond_async: bool) {
    for (clients, events) in [(64, 1), (256, 1), (16, 100), (8, 1_000)] {
        let manner = Manner { events, respond_async, topics: TOPICS };
        // A refusal is an answer, too: it is memory that is measured.
        let _ = load::closed_loop(api.port, manner, (clients, each)).await;
    }
}

/// A consumer that finds a full log.
async fn backlog(rig: &Rig, terms: &Terms, database: &Database) -> Result<Line> {
    let (brokers, topic, count) = (rig.brokers(), rig.fresh("bench"), terms.sink_events());
    kafka::create_topic(&brokers, &topic).await?;
    let (filled, name) = (topic.clone(), format!("consumer, with {count} events of backlog"));
    spawn_blocking(move || kafka::fill(&brokers, &filled, BACKLOG, 0..count as u64)).await??;
    let total = sink::consumed(database).await? as usize + count;
    let consumer = Arc::new(rig.spawn_consumer(&topic, database, false)?);
    let stored = sink::until_stored(database, &consumer, total);
    let (mut peak, stored) = watched(&[("consumer", consumer.clone())], stored).await;
    stored?;
    end(consumer).await?;
    Ok(line(&name, peak.pop().unwrap_or_default()))
}

/// The highest figures while something goes on.
async fn peaks(when: &str, processes: &[(&str, Arc<Running>)], meanwhile: impl Future) -> Vec<Line> {
    let (peaks, _) = watched(processes, meanwhile).await;
    processes.iter().zip(peaks).map(|((name, _), peak)| line(&format!("{name}, {when}"), peak)).collect()
}

async fn watched<F: Future>(processes: &[(&str, Arc<Running>)], meanwhile: F) -> (Vec<f64>, F::Output) {
    let over = Arc::new(AtomicBool::new(false));
    let (watching, all): (_, Vec<_>) = (over.clone(), processes.iter().map(|(_, process)| process.clone()).collect());
    let watch = tokio::spawn(async move {
        let mut peaks = vec![0.0_f64; all.len()];
        while !watching.load(Ordering::Relaxed) {
            for (peak, process) in peaks.iter_mut().zip(&all) {
                *peak = peak.max(process.service.rss().unwrap_or_default() as f64 / f64::from(1 << 20));
            }
            sleep(LOOK_EVERY).await;
        }
        peaks
    });
    let done = meanwhile.await;
    over.store(true, Ordering::Relaxed);
    (watch.await.unwrap_or_default(), done)
}

fn line(what: &str, peak: f64) -> Line {
    Line::new("memory", what, &[peak], ("the most it may have", &[LIMIT])).unit("MiB").goal(Goal::AtMost(1.0))
}
