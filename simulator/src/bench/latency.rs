//! From a request to its verdict, against what the two steps cost that it can't do without: Kafka's
//! acknowledgement and a commit in PostgreSQL, each measured alone.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::load::{self, LoadOptions};
use super::pace::{Pace, Times};
use super::report::{Goal, Line};
use super::rig::{Database, Rig};
use super::terms::Terms;
use super::{kafka, warm_up};
use crate::progress::Progress;

const TOPICS: u64 = 100;
const RATES: [(u64, &str); 3] = [(500, "500/s"), (2_000, "2,000/s"), (5_000, "5,000/s")];
const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")];
/// More than are ever under way at these rates.
const CLIENTS: usize = 256;
/// The goal is about the 99th percentile at this rate.
const GOAL: (u64, f64, Goal) = (2_000, 0.99, Goal::AtMost(3.0));

/// Times of a round.
struct Round {
    verdicts: Times,
    acks: Times,
    commits: Times,
}

pub(super) async fn measure(rig: &Rig, terms: &Terms, progress: &Progress) -> Result<Vec<Line>> {
    let (topic, alone) = (rig.fresh("bench"), rig.fresh("bench"));
    kafka::create_topic(&rig.brokers(), &topic).await?;
    kafka::create_topic(&rig.brokers(), &alone).await?;
    let (database, other) = (rig.database().await?, rig.database().await?);
    let (api, consumer) = (rig.api(&topic, &database).await?, rig.consumer(&topic, &database).await?);
    let options = LoadOptions { events: 1, respond_async: false, topics: TOPICS };
    load::until_verdicts(api.port).await?;
    warm_up::until_steady(async || load::closed_loop(api.port, options, (CLIENTS, warm_up::EACH)).await).await?;
    let pace = Pace { rate: GOAL.0, lasting: warm_up::EACH * 2, clients: CLIENTS };
    load::verdicts(api.port, options, pace).await?;
    kafka::acknowledgements(&rig.brokers(), &alone, TOPICS, pace).await?;
    // PostgreSQL has old WAL files to write over then, as any database has that is not new. To make one
    // takes 50 ms, in which nobody can commit.
    rig.settle().await?;
    let mut lines = Vec::new();
    for (rate, name) in RATES.into_iter().filter(|(_, name)| terms.wants(name)) {
        let pace = Pace { rate, lasting: terms.load_for() * 3, clients: CLIENTS };
        let mut rounds = Vec::new();
        for round in 0..terms.rounds {
            progress.doing(&format!("latency, {name}: round {} of {}", round + 1, terms.rounds));
            rounds.push(Round {
                verdicts: load::verdicts(api.port, options, pace).await?,
                acks: kafka::acknowledgements(&rig.brokers(), &alone, TOPICS, pace).await?,
                commits: commits(&other, terms.load_for()).await?,
            });
        }
        lines.extend(QUANTILES.map(|(quantile, of)| line((rate, name), (quantile, of), &rounds)));
    }
    consumer.end().await?;
    api.end().await?;
    rig.drop_database(database).await?;
    rig.drop_database(other).await?;
    Ok(lines)
}

fn line((rate, name): (u64, &str), (quantile, of): (f64, &str), rounds: &[Round]) -> Line {
    let verdicts: Vec<f64> = rounds.iter().map(|round| round.verdicts.millis_at(quantile)).collect();
    let both = |round: &Round| round.acks.millis_at(quantile) + round.commits.millis_at(quantile);
    let limit: Vec<f64> = rounds.iter().map(both).collect();
    let line =
        Line::new("latency", &format!("{name}, {of}"), &verdicts, ("acknowledgement + commit", &limit)).unit("ms");
    if (rate, quantile) == (GOAL.0, GOAL.1) { line.goal(GOAL.2) } else { line }
}

/// Times of commits of one row each, one after the other.
async fn commits(database: &Database, lasting: Duration) -> Result<Times> {
    let mut times = Times::new();
    let begun = Instant::now();
    while begun.elapsed() < lasting {
        let at = Instant::now();
        sqlx::query(
            r#"INSERT INTO events (topic, event_id, timestamp, source, payload, log_id, partition, "offset")
               SELECT 'bench', gen_random_uuid()::text, now(), 'bench', '{"paid": true}', 1, 0,
                      COALESCE((SELECT max("offset") + 1 FROM events WHERE log_id = 1 AND partition = 0), 0)"#,
        )
        .execute(&database.pool)
        .await?;
        times.since(at);
    }
    Ok(times)
}
