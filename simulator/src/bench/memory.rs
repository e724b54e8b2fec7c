//! Resident memory of api and consumer: at rest, under load, with a backlog, without a database. And of a
//! consumer whose backlog is small on the wire and large in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::load::{self, LoadOptions};
use super::report::{Course, Goal, Line};
use super::rig::{Database, Rig, Running};
use super::terms::{Size, Terms};
use super::workload::{Mix, Repeats};
use super::{kafka, sink};
use crate::progress::Progress;

const TOPICS: u64 = 100;
/// MiB that each process may have.
const LIMIT: f64 = 64.0;
/// The same for a consumer of what is packed as well as can be.
const LIMIT_PACKED: f64 = 192.0;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What a process takes to be at rest.
const REST: Duration = Duration::from_secs(2);
const BACKLOG: Mix =
    Mix { name: "backlog", repeats: Repeats::Recent { share: 0.3, window: 10_000 }, topics: TOPICS, by_event: false };

pub(super) async fn measure(rig: &Rig, terms: &Terms, progress: &Progress) -> Result<(Vec<Line>, Vec<Course>)> {
    let mut lines = if terms.wants("ordinary traffic") { ordinary(rig, terms, progress).await? } else { Vec::new() };
    let mut courses = Vec::new();
    for packed in PACKED.iter().filter(|packed| terms.wants(packed.name)) {
        progress.doing(&format!("memory: {}", packed.name));
        let (line, course) = packed.measure(rig).await?;
        lines.push(line);
        courses.push(course);
    }
    Ok((lines, courses))
}

async fn ordinary(rig: &Rig, terms: &Terms, progress: &Progress) -> Result<Vec<Line>> {
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

/// A backlog of events of one letter, which is packed 250 times smaller than it is.
struct Packed {
    name: &'static str,
    partitions: i32,
    events: usize,
    letters: usize,
    /// Bytes that were appended to each partition before, and taken back.
    in_vain: usize,
}

const PACKED: [Packed; 3] = [
    Packed {
        name: "1,000 partitions with 600 MB of one letter",
        partitions: 1_000,
        events: 60_000,
        letters: 10_000,
        in_vain: 0,
    },
    Packed { name: "256 events of 1 MB of one letter", partitions: 8, events: 256, letters: 1_000_000, in_vain: 0 },
    Packed {
        name: "the same behind a transaction that was taken back",
        partitions: 8,
        events: 256,
        letters: 1_000_000,
        in_vain: 4_000_000,
    },
];

impl Packed {
    async fn measure(&self, rig: &Rig) -> Result<(Line, Course)> {
        let &Packed { name, partitions, events, letters, in_vain } = self;
        let (brokers, topic, database) = (rig.brokers(), rig.fresh("bench"), rig.database().await?);
        kafka::create_topic_of(&brokers, &topic, partitions).await?;
        let filled = topic.clone();
        spawn_blocking(move || {
            if in_vain > 0 {
                kafka::fill_in_vain(&brokers, &filled, partitions, in_vain)?;
            }
            kafka::fill_with_letters(&brokers, &filled, partitions, (events, letters))
        })
        .await??;
        let consumer = Arc::new(rig.spawn_consumer(&topic, &database, false)?);
        let stored = sink::until_stored(&database, &consumer, events);
        let (mut seen, stored) = watched(&[("consumer", consumer.clone())], stored).await;
        stored?;
        end(consumer).await?;
        rig.drop_database(database).await?;
        let course = Course::new(&format!("consumer, {name}"), LOOK_EVERY, seen.pop().unwrap_or_default());
        let against = ("the most it may have", &[LIMIT_PACKED][..]);
        let line = Line::new("memory", &course.what, &[course.peak()], against).unit("MiB").goal(Goal::AtMost(1.0));
        Ok((line, course))
    }
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
        let options = LoadOptions { events, respond_async, topics: TOPICS };
        // A refusal is an answer, too: it is memory that is measured.
        let _ = load::closed_loop(api.port, options, (clients, each)).await;
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
    let (mut seen, stored) = watched(&[("consumer", consumer.clone())], stored).await;
    stored?;
    end(consumer).await?;
    Ok(line(&name, &seen.pop().unwrap_or_default()))
}

/// The highest figures while something goes on.
async fn peaks(when: &str, processes: &[(&str, Arc<Running>)], meanwhile: impl Future) -> Vec<Line> {
    let (seen, _) = watched(processes, meanwhile).await;
    processes.iter().zip(seen).map(|((name, _), seen)| line(&format!("{name}, {when}"), &seen)).collect()
}

/// The figures of each, one per look, while something goes on.
async fn watched<F: Future>(processes: &[(&str, Arc<Running>)], meanwhile: F) -> (Vec<Vec<f64>>, F::Output) {
    let over = Arc::new(AtomicBool::new(false));
    let (watching, all): (_, Vec<_>) = (over.clone(), processes.iter().map(|(_, process)| process.clone()).collect());
    let watch = tokio::spawn(async move {
        let mut seen = vec![Vec::new(); all.len()];
        while !watching.load(Ordering::Relaxed) {
            for (seen, process) in seen.iter_mut().zip(&all) {
                seen.push(process.service.rss().unwrap_or_default() as f64 / f64::from(1 << 20));
            }
            sleep(LOOK_EVERY).await;
        }
        seen
    });
    let done = meanwhile.await;
    over.store(true, Ordering::Relaxed);
    (watch.await.unwrap_or_default(), done)
}

fn line(what: &str, seen: &[f64]) -> Line {
    let peak = seen.iter().copied().fold(0.0, f64::max);
    Line::new("memory", what, &[peak], ("the most it may have", &[LIMIT])).unit("MiB").goal(Goal::AtMost(1.0))
}
