//! From HTTP into Kafka: clients that publish as fast as they are answered.

use anyhow::Result;
use tokio::task::spawn_blocking;

use super::kafka;
use super::load::{self, LoadOptions};
use super::report::{Goal, Line};
use super::rig::{Rig, Running};
use super::terms::Terms;
use crate::progress::Progress;

/// Event topics that are published to.
const TOPICS: u64 = 100;

/// A way to publish.
#[derive(Clone, Copy)]
struct Cell {
    name: &'static str,
    clients: usize,
    events: usize,
    goal: Option<Goal>,
}

const CELLS: [Cell; 4] = [
    Cell { name: "single, 64 connections", clients: 64, events: 1, goal: Some(Goal::AtLeast(0.6)) },
    Cell { name: "single, 256 connections", clients: 256, events: 1, goal: Some(Goal::AtLeast(0.6)) },
    Cell { name: "batches of 100", clients: 16, events: 100, goal: Some(Goal::AtLeast(0.5)) },
    Cell { name: "batches of 1,000", clients: 8, events: 1_000, goal: None },
];

/// Rates of every round.
#[derive(Default)]
struct Rates {
    queued: Vec<f64>,
    stored: Vec<f64>,
    log: Vec<f64>,
    http: Vec<f64>,
}

/// What is measured against each other.
struct Contest<'a> {
    rig: &'a Rig,
    terms: &'a Terms,
    topic: String,
    api: Running,
    bare: Running,
}

pub(super) async fn measure(rig: &Rig, terms: &Terms, progress: &Progress) -> Result<Vec<Line>> {
    let topic = rig.fresh("bench");
    kafka::create_topic(&rig.brokers(), &topic).await?;
    let database = rig.database().await?;
    let api = rig.api(&topic, &database).await?;
    let contest = Contest { rig, terms, topic, api, bare: rig.bare_http().await? };
    let cells: Vec<Cell> = CELLS.into_iter().filter(|cell| terms.wants(cell.name)).collect();
    let mut rates: Vec<Rates> = cells.iter().map(|_| Rates::default()).collect();
    for (cell, rates) in cells.iter().zip(&mut rates) {
        contest.warm_up(*cell).await?;
        for round in 0..terms.rounds {
            progress.doing(&format!("ingest, {}: round {} of {}", cell.name, round + 1, terms.rounds));
            contest.round(*cell, round, rates).await?;
        }
    }
    // A topic of its own: the other is full of what was only queued.
    let topic = rig.fresh("bench");
    kafka::create_topic(&rig.brokers(), &topic).await?;
    let (api, consumer) = (rig.api(&topic, &database).await?, rig.consumer(&topic, &database).await?);
    load::until_verdicts(api.port).await?;
    for (cell, rates) in cells.iter().zip(&mut rates) {
        contest.publish(&api, *cell, false).await?;
        for round in 0..terms.rounds {
            progress.doing(&format!("ingest, {}, with verdicts: round {} of {}", cell.name, round + 1, terms.rounds));
            rates.stored.push(contest.publish(&api, *cell, false).await?);
        }
    }
    consumer.end().await?;
    api.end().await?;
    contest.api.end().await?;
    rig.drop_database(database).await?;
    Ok(cells.iter().zip(&rates).flat_map(|(cell, rates)| lines(*cell, rates)).collect())
}

fn lines(cell: Cell, rates: &Rates) -> [Line; 3] {
    let limit = if cell.events == 1 { "librdkafka, closed loop" } else { "librdkafka, open loop" };
    let with_verdicts = format!("{}, with verdicts", cell.name);
    let queued = Line::new("ingest", cell.name, &rates.queued, (limit, &rates.log));
    [
        Line { goal: cell.goal, ..queued },
        Line::new("ingest", cell.name, &rates.queued, ("axum, doing nothing", &rates.http)),
        Line::new("ingest", &with_verdicts, &rates.stored, (limit, &rates.log)),
    ]
}

impl Contest<'_> {
    /// The broker's and everybody's first seconds are slower.
    async fn warm_up(&self, cell: Cell) -> Result<()> {
        self.publish(&self.api, cell, true).await?;
        self.log(cell).await?;
        Ok(())
    }

    async fn round(&self, cell: Cell, round: usize, rates: &mut Rates) -> Result<()> {
        // The order turns, so that nobody is always the first after a pause.
        for turn in 0..3 {
            match (turn + round) % 3 {
                0 => rates.queued.push(self.publish(&self.api, cell, true).await?),
                1 => rates.log.push(self.log(cell).await?),
                _ => rates.http.push(self.publish(&self.bare, cell, true).await?),
            }
        }
        Ok(())
    }

    async fn publish(&self, server: &Running, cell: Cell, respond_async: bool) -> Result<f64> {
        let options = LoadOptions { events: cell.events, respond_async, topics: TOPICS };
        load::closed_loop(server.port, options, (cell.clients, self.terms.load_for())).await
    }

    async fn log(&self, cell: Cell) -> Result<f64> {
        let (brokers, topic, lasting) = (self.rig.brokers(), self.topic.clone(), self.terms.load_for());
        if cell.events == 1 {
            return kafka::closed_loop(&brokers, &topic, TOPICS, (cell.clients, lasting)).await;
        }
        spawn_blocking(move || kafka::open_loop(&brokers, &topic, TOPICS, lasting)).await?
    }
}
