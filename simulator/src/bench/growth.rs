//! What becomes of rates and reads when the table grows. All rows come in as in real use: through the
//! log and the consumer.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::pace::Times;
use super::report::{Goal, Line};
use super::rig::{Database, Rig};
use super::samples::Samples;
use super::terms::{Size, Terms};
use super::workload::{Mix, Repeats};
use super::{kafka, sink};
use crate::progress::Progress;

/// The fullest of the eight partitions has 1.6 times its share of so many; of 10 it would have 3.2 times.
const TOPICS: u64 = 40;
const MIX: Mix = Mix { name: "growth", repeats: Repeats::Never, topics: TOPICS, by_event: false };
/// Events of a rate's round, at most.
const SAMPLE: u64 = 250_000;
/// Requests of each kind in a round.
const READS: u64 = 700;
/// What an event takes on disk, log and indexes and write-ahead log included, measured generously.
const BYTES_PER_EVENT: u64 = 1_300;

/// What is read, and how long 99 % of it took at each size.
const READ: [&str; 4] = ["/stats", "first page", "deep page", "one event"];

pub(super) async fn measure(rig: &Rig, terms: &Terms, progress: &Progress) -> Result<Vec<Line>> {
    let sizes = sizes(terms);
    let topic = rig.fresh("bench");
    kafka::create_topic(&rig.brokers(), &topic).await?;
    let database = rig.database().await?;
    let (mut rates, mut reads, mut rows) = (Vec::new(), Vec::new(), 0);
    for &size in sizes {
        progress.doing(&format!("growth: up to {size} rows"));
        // A rate is compared with another one; the first size is too small to have one.
        let rounds = if rows > 0 && sizes.len() > 2 { terms.rounds as u64 } else { 0 };
        rates.push(grow(rig, &topic, &database, (rows, size), rounds).await?);
        rows = size;
        progress.doing(&format!("growth: reads at {size} rows"));
        reads.push(read(rig, &topic, &database, (size, terms.rounds as u64)).await?);
    }
    rig.drop_database(database).await?;
    Ok(lines(sizes, &rates, &reads))
}

fn sizes(terms: &Terms) -> &'static [u64] {
    match terms.size {
        Size::Quick => &[10_000, 100_000],
        Size::Standard => &[10_000, 500_000],
        Size::Full => &[10_000, 1_000_000, 5_000_000, 10_000_000, 20_000_000],
    }
}

/// The rates of the last parts of the way from so many rows to so many, one per round. No checkpoint is
/// asked for before them: in real use few events are stored right behind one.
async fn grow(rig: &Rig, topic: &str, database: &Database, (from, to): (u64, u64), rounds: u64) -> Result<Vec<f64>> {
    let sample = ((to - from) / (rounds + 1)).min(SAMPLE);
    let mut rates = Vec::new();
    let mut at = from;
    for left in (0..=rounds).rev() {
        let (brokers, log, next) = (rig.brokers(), topic.to_owned(), to - left * sample);
        spawn_blocking(move || kafka::fill(&brokers, &log, MIX, at..next)).await??;
        rates.push(sink::drained(rig, topic, database, (false, next as usize)).await?);
        at = next;
    }
    // The way to where they begin.
    rates.remove(0);
    Ok(rates)
}

/// The 99th percentiles of each kind of read, in milliseconds, round by round.
async fn read(rig: &Rig, topic: &str, database: &Database, (rows, rounds): (u64, u64)) -> Result<[Vec<f64>; 4]> {
    sqlx::query("VACUUM ANALYZE").execute(&database.pool).await?;
    let api = rig.api(topic, database).await?;
    let base = Url::parse(&format!("http://127.0.0.1:{}/", api.port))?;
    let client = Client::new();
    let deep = deep_cursor(&client, &base, rows).await?;
    // No event is read twice: the second time it would be in memory.
    let step = (rows / ((rounds + 1) * READS)).max(1);
    let mut p99 = [const { Vec::new() }; 4];
    // The first round warms up, and does not count.
    for round in 0..=rounds {
        for (kind, p99) in p99.iter_mut().enumerate() {
            let mut times = Times::new();
            for nth in 0..READS {
                let event = MIX.events((round * READS + nth) * step % rows..rows).next().context("an event")?;
                let path = match kind {
                    0 => "stats".to_owned(),
                    1 => "events?topic=bench-0001&limit=100".to_owned(),
                    2 => format!("events?topic=bench-0001&limit=100&cursor={deep}"),
                    _ => format!("events/{}/{}", event.topic(), event.id()),
                };
                let at = Instant::now();
                let answer = client.get(base.join(&path)?).send().await?.error_for_status()?;
                answer.bytes().await?;
                times.since(at);
            }
            if round > 0 {
                p99.push(times.millis_at(0.99));
            }
        }
    }
    api.end().await?;
    Ok(p99)
}

/// A cursor in the middle of a topic, or 10,000 events deep.
async fn deep_cursor(client: &Client, base: &Url, rows: u64) -> Result<String> {
    let limit = (rows / TOPICS / 2).clamp(1, 10_000);
    let page = base.join(&format!("events?topic=bench-0001&format=page&limit={limit}"))?;
    let page: Value = serde_json::from_slice(&client.get(page).send().await?.error_for_status()?.bytes().await?)?;
    Ok(page["next_cursor"].as_str().context("a page without a next one")?.to_owned())
}

/// The limit is the table when it was small, minutes before: no round of it belongs to one of these.
fn lines(sizes: &[u64], rates: &[Vec<f64>], reads: &[[Vec<f64>; 4]]) -> Vec<Line> {
    let mut lines = Vec::new();
    for ((&size, rates_here), p99) in sizes.iter().zip(rates).zip(reads).skip(1) {
        for ((kind, at_first), here) in READ.iter().zip(&reads[0]).zip(p99) {
            let what = format!("{kind}, p99, {size} rows");
            let line = Line::new("growth", &what, here, ("at 10,000 rows", &small(at_first, here))).unit("ms");
            lines.push(if size <= 10_000_000 { line.goal(Goal::AtMost(1.5)) } else { line });
        }
        if size > sizes[1] {
            let what = format!("sink, {size} rows");
            let line = Line::new("growth", &what, rates_here, ("at 1,000,000 rows", &small(&rates[1], rates_here)));
            lines.push(line.goal(Goal::AtLeast(0.8)));
        }
    }
    lines
}

/// The median at the first size, for each round at another.
fn small(at_first: &[f64], here: &[f64]) -> Vec<f64> {
    vec![Samples::new(at_first.to_vec()).median; here.len()]
}

/// Fails where the disk can't take what will be measured.
pub(super) fn ensure_room(dir: &Path, terms: &Terms) -> Result<()> {
    let need = sizes(terms).iter().max().unwrap_or(&0) * BYTES_PER_EVENT;
    let df = std::process::Command::new("df").args(["--output=avail", "-B1"]).arg(dir).output().context("df")?;
    let text = String::from_utf8_lossy(&df.stdout).into_owned();
    let free: u64 = text.lines().nth(1).and_then(|line| line.trim().parse().ok()).context("what df says")?;
    ensure!(free > need, "{} needs {} GB, {} are free", dir.display(), need / 1_000_000_000, free / 1_000_000_000);
    Ok(())
}
