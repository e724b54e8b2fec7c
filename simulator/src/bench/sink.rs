//! From Kafka into PostgreSQL: a log that is full is drained, as fast as it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::bare;
use super::kafka::{self, Row};
use super::report::{Goal, Line};
use super::rig::{Database, Rig, Running};
use super::terms::Terms;
use super::workload::{Mix, Repeats};
use crate::progress::Progress;

/// Nothing new for so long is a standstill.
const STANDSTILL: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);

const RECENT: Repeats = Repeats::Recent { share: 0.3, window: 10_000 };

/// The workloads, the number of bare connections that is their limit, and the goal.
const WORKLOADS: [(Mix, i32, Option<Goal>); 5] = [
    (mix("30 % repeats", RECENT, 100, false), 2, Some(Goal::AtLeast(1.0))),
    (mix("no repeats", Repeats::Never, 100, false), 2, Some(Goal::AtLeast(0.85))),
    (mix("30 % repeats, one hot topic", RECENT, 1, false), 1, Some(Goal::AtLeast(1.0))),
    (mix("30 % repeats, one hot topic, keyed by event", RECENT, 1, true), 2, Some(Goal::AtLeast(1.0))),
    (mix("30 % repeats of anything", Repeats::Any { share: 0.3 }, 100, false), 2, None),
];

const fn mix(name: &'static str, repeats: Repeats, topics: u64, by_event: bool) -> Mix {
    Mix { name, repeats, topics, by_event }
}

/// Rates of every round.
#[derive(Default)]
struct Rates {
    oncelog: Vec<f64>,
    one: Vec<f64>,
    two: Vec<f64>,
    reading: Vec<f64>,
}

pub(super) async fn measure(rig: &Rig, terms: &Terms, progress: &Progress) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (mix, connections, goal) in WORKLOADS.into_iter().filter(|(mix, ..)| terms.wants(mix.name)) {
        let rates = drain_in_turns(rig, terms, mix, progress).await?;
        let line = |limit| Line::new("sink", mix.name, &rates.oncelog, limit);
        let (one, two) = (line(("one bare connection", &rates.one)), line(("two bare connections", &rates.two)));
        if connections == 1 {
            // The other one of two would have nothing to do.
            lines.push(Line { goal, ..one });
        } else {
            lines.extend([Line { goal, ..two }, one]);
        }
        lines.push(line(("reading alone", &rates.reading)));
    }
    Ok(lines)
}

async fn drain_in_turns(rig: &Rig, terms: &Terms, mix: Mix, progress: &Progress) -> Result<Rates> {
    let count = terms.sink_events();
    progress.doing(&format!("sink, {}: filling the log with {count} events", mix.name));
    let (brokers, topic) = (rig.brokers(), rig.fresh("bench"));
    kafka::create_topic(&brokers, &topic).await?;
    let rows = {
        let (brokers, topic) = (brokers.clone(), topic.clone());
        spawn_blocking(move || {
            kafka::fill(&brokers, &topic, mix, 0..count as u64)?;
            kafka::read_rows(&brokers, &topic, count)
        })
    };
    let rows: Arc<Vec<Row>> = Arc::new(rows.await??);
    let mut rates = Rates::default();
    progress.doing(&format!("sink, {}: warming up", mix.name));
    drain(rig, &topic, mix.by_event, count).await?;
    for round in 0..terms.rounds {
        progress.doing(&format!("sink, {}: round {} of {}", mix.name, round + 1, terms.rounds));
        // The order turns, so that nobody is always the first after a pause.
        for turn in 0..4 {
            match (turn + round) % 4 {
                0 => rates.oncelog.push(drain(rig, &topic, mix.by_event, count).await?),
                1 => rates.two.push(insert(rig, &rows, 2).await?),
                2 => rates.one.push(insert(rig, &rows, 1).await?),
                _ => {
                    let (brokers, topic) = (brokers.clone(), topic.clone());
                    rates.reading.push(spawn_blocking(move || kafka::read_rate(&brokers, &topic, count)).await??);
                }
            }
        }
    }
    Ok(rates)
}

async fn insert(rig: &Rig, rows: &Arc<Vec<Row>>, connections: i32) -> Result<f64> {
    let database = rig.database().await?;
    rig.settle().await?;
    let rate = bare::insert_rate(&database, rows, connections).await?;
    rig.drop_database(database).await?;
    Ok(rate)
}

async fn drain(rig: &Rig, topic: &str, by_event: bool, count: usize) -> Result<f64> {
    let database = rig.database().await?;
    rig.settle().await?;
    let rate = drained(rig, topic, &database, (by_event, count)).await?;
    rig.drop_database(database).await?;
    Ok(rate)
}

/// Events per second of a consumer that stores what the log holds, until there are `total`.
pub(super) async fn drained(
    rig: &Rig,
    topic: &str,
    database: &Database,
    (by_event, total): (bool, usize),
) -> Result<f64> {
    let consumer = rig.spawn_consumer(topic, database, by_event)?;
    let rate = until_stored(database, &consumer, total).await?;
    consumer.end().await?;
    Ok(rate)
}

/// Waits until this consumer has stored so many in all. Gives the events per second, from the first
/// transaction's end to the last one's.
pub(super) async fn until_stored(database: &Database, consumer: &Running, total: usize) -> Result<f64> {
    let (mut first, mut last) = (None, (Instant::now(), consumed(database).await?));
    while last.1 < total as i64 {
        sleep(LOOK_EVERY).await;
        let found = consumed(database).await?;
        let now = Instant::now();
        if found > last.1 {
            last = (now, found);
            first.get_or_insert(last);
        }
        let stands = now.duration_since(last.0) > STANDSTILL || !consumer.service.is_running();
        ensure!(!stands, "the consumer stands still at {found}:\n{}", consumer.service.log_tail(10));
    }
    let (begun, at_first) = first.unwrap_or(last);
    Ok((last.1 - at_first) as f64 / last.0.duration_since(begun).as_secs_f64())
}

/// Records that have an outcome.
pub(super) async fn consumed(database: &Database) -> Result<i64> {
    let sum = "SELECT COALESCE(sum(consumed), 0)::bigint FROM progress";
    Ok(sqlx::query_scalar(sum).fetch_one(&database.pool).await?)
}
