//! A copy of the database that lives beside it, and consumers on it.

use std::path::Path;
use std::time::Duration;

use sqlx::PgConnection;
use stack::{Service, ServiceBuilder, free_port};
use tokio::task::block_in_place;

use super::database::Database;
use super::deadline::eventually;
use super::error::TestbedError;
use super::topic::Topic;
use crate::model::Ends;

/// A process that is refused looks for a while whether it still is.
const REFUSED_WITHIN: Duration = Duration::from_secs(40);
const STORED_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// By which group a consumer on the copy works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The copy's default, which is the original's.
    Default,
    /// One of its own.
    Itself,
}

/// Consumers on the copy. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Beside {
    builder: ServiceBuilder,
    running: Vec<(By, Service)>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Processes that ended with an error which says why.
    pub(super) refused: usize,
    /// What ended otherwise than it should have.
    pub(super) disorder: Vec<String>,
}

impl Beside {
    /// Starts nothing yet.
    pub(super) fn new(program: &Path, logs: &Path, variables: Vec<(&'static str, String)>) -> Self {
        let builder = Service::builder("beside", program, logs.join("beside.log")).arg("consumer").envs(variables);
        Self { builder, running: Vec::new() }
    }

    fn start(&mut self, by: By, group: Option<String>) -> Result<(), TestbedError> {
        let builder = self.builder.clone().env("CONSUMER_PORT", free_port()?.to_string());
        let builder = builder.env("KAFKA_GROUP", group.unwrap_or_default());
        self.running.push((by, builder.spawn()?));
        Ok(())
    }

    fn works_by_itself(&self) -> bool {
        self.running.iter().any(|(by, _)| *by == By::Itself)
    }

    /// Starts a consumer on the copy, with the settings of those on the original.
    pub(super) fn start_alike(&mut self) -> Result<(), TestbedError> {
        self.start(By::Default, None)
    }

    /// The same, with a group of its own.
    pub(super) fn start_apart(&mut self, topic: &Topic) -> Result<(), TestbedError> {
        self.start(By::Itself, Some(format!("{}-beside", topic.name)))
    }

    /// In what the copy differs from the original, once all is stored in it, too. Nothing may be stored meanwhile.
    pub(super) async fn differs(&self, database: &Database, topic: &Topic) -> Result<Vec<String>, TestbedError> {
        if !self.works_by_itself() {
            return Ok(Vec::new());
        }
        let mut copy = database.connect_to_copy().await?;
        let ends = topic.ends().await?;
        let stored = eventually("everything in the log is stored in the copy", STORED_WITHIN, async || {
            Ok(is_stored(&mut copy, &ends).await?.then_some(()))
        });
        if let Err(late) = stored.await {
            return Ok(vec![late.to_string()]);
        }
        let rows = "SELECT md5(string_agg(concat_ws(' ', topic, event_id, payload), ',' ORDER BY topic, event_id))
                           || ' of ' || count(*)
                      FROM events";
        let here: Option<String> = sqlx::query_scalar(rows).fetch_one(database.pool()).await?;
        let there: Option<String> = sqlx::query_scalar(rows).fetch_one(&mut copy).await?;
        Ok(if here == there {
            Vec::new()
        } else {
            vec![format!("rows: {there:?} in the copy, {here:?} in the original")]
        })
    }

    /// Waits until those that have to be refused are, and stops the others.
    pub(super) fn close(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        for (by, service) in self.running.drain(..) {
            let ended = block_in_place(|| match by {
                By::Default => service.wait_exit(REFUSED_WITHIN),
                By::Itself => service.stop(STOP_WITHIN),
            });
            let said = service.log_text().contains("another copy of the database");
            match (by, ended) {
                (By::Default, Some(status)) if status.code() == Some(1) && said => outcome.refused += 1,
                (By::Itself, Some(status)) if status.success() => {}
                (_, Some(status)) => outcome.disorder.push(format!("{by:?} on the copy: ended with {status}")),
                (_, None) => outcome.disorder.push(format!("{by:?} on the copy: goes on")),
            }
        }
        outcome
    }
}

async fn is_stored(copy: &mut PgConnection, ends: &[Ends]) -> Result<bool, TestbedError> {
    let next: Vec<(i32, i64)> = sqlx::query_as("SELECT partition, next_offset FROM progress").fetch_all(copy).await?;
    Ok(ends.iter().all(|ends| {
        let found = next.iter().find(|(partition, _)| *partition == ends.partition);
        found.map_or(ends.low, |(_, next)| *next) == ends.high
    }))
}
