//! One function per command: settings in, a running room out.

mod doctor;
mod health;

use std::future::Future;
use std::io::{ErrorKind, Write};
use std::time::Duration;

use anyhow::Context;
use api::Shutdown;
use clap::CommandFactory;
use consumer::{Part, Status};
use store::{Store, StoreError};
use tokio::time::{Instant, sleep};

use crate::cli::{ApiCommand, Cli, ConsumerCommand, MigrateCommand, ServeCommand};
use crate::descriptors::{self, Descriptors};
use crate::listen::{self, Place, listen};
use crate::settings::{self, Database, Kafka};
use crate::shutdown;

pub(crate) use doctor::doctor;
pub(crate) use health::health;

/// Runs to the end on a new runtime, and leaves without waiting for what hangs.
pub(crate) fn run(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    planted::announce()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    runtime.shutdown_background();
    done
}

/// `oncelog api`.
pub(crate) async fn api(command: ApiCommand) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal(command.api.shutdown_delay)?;
    serve_api(&command.kafka, &command.database, &command.api, (shutdown, 0)).await
}

/// `oncelog consumer`.
pub(crate) async fn consumer(command: ConsumerCommand) -> anyhow::Result<()> {
    Descriptors::raise();
    // Nobody sends it requests that had to be kept away first.
    let shutdown = shutdown::on_signal(Duration::ZERO)?;
    run_consumer(&command.kafka, &command.database, &command.consumer, shutdown).await
}

/// `oncelog serve`: both; if one ends, the other is stopped.
pub(crate) async fn serve(command: ServeCommand) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal(command.api.shutdown_delay)?;
    let stop_both = shutdown.stop.clone().drop_guard();
    let consumers = descriptors::of_consumer(&command.database, &command.consumer);
    let api = serve_api(&command.kafka, &command.database, &command.api, (shutdown.clone(), consumers));
    let consumer = run_consumer(&command.kafka, &command.database, &command.consumer, shutdown);
    tokio::pin!(api, consumer);
    tokio::select! {
        ended = &mut api => {
            drop(stop_both);
            consumer.await.and(ended)
        }
        ended = &mut consumer => {
            drop(stop_both);
            api.await.and(ended)
        }
    }
}

/// `oncelog migrate`.
pub(crate) async fn migrate(command: MigrateCommand) -> anyhow::Result<()> {
    let store = Store::open(&command.database.config()?)?;
    let deadline = Instant::now() + command.wait;
    until_it_may(deadline, || store.migrate()).await?;
    print(b"the schema is up to date\n")?;
    if command.as_new {
        let group = until_it_may(deadline, || store.separate()).await?;
        print(format!("this copy is an installation of its own now; its consumer group is {group}\n").as_bytes())?;
    }
    Ok(())
}

/// Tries again while waiting may help and the deadline has not passed.
async fn until_it_may<T, F>(deadline: Instant, work: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut said = None;
    loop {
        match work().await {
            Err(error) if error.may_pass() && Instant::now() < deadline => {
                if said.as_ref() != Some(&error.to_string()) {
                    tracing::warn!(%error, "waiting for the database");
                    said = Some(error.to_string());
                }
                sleep(Duration::from_millis(500)).await;
            }
            done => return done,
        }
    }
}

/// `oncelog completions`.
pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "oncelog", &mut script);
    print(&script)
}

/// Prints for whoever reads; one that has gone is no reason to fail.
fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("can't write to the standard output"),
        _ => Ok(()),
    }
}

async fn serve_api(
    kafka: &Kafka,
    database: &Database,
    settings: &settings::Api,
    (shutdown, other_descriptors): (Shutdown, usize),
) -> anyhow::Result<()> {
    let mut config = settings.config(kafka)?;
    let others = descriptors::of_api(database) + other_descriptors;
    config.limits.max_connections = Descriptors::raise().connections(settings.max_connections, others)?;
    let configs = (settings.broker(kafka)?, database.config()?);
    planted::panic_at(planted::Place::Main, &(kafka, database, settings, &configs));
    let place = Place { host: settings.host.as_deref(), port: settings.port, names: listen::API };
    Ok(api::run(listen(place).await?, config, configs, shutdown).await?)
}

async fn run_consumer(
    kafka: &Kafka,
    database: &Database,
    settings: &settings::Consumer,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let configs = (kafka.config()?, database.config()?);
    let host = settings.consumer_host.as_deref();
    let listener = listen(Place { host, port: settings.consumer_port, names: listen::CONSUMER }).await?;
    let status = Status::default();
    let shown = status.clone();
    let readiness = move || api::Readiness {
        ready: shown.is_started(),
        broker: shown.works(Part::Broker),
        database: shown.works(Part::Database),
        details: api::Details {
            broker: shown.said(Part::Broker),
            database: shown.said(Part::Database),
            topic: shown.said(Part::Topic),
            partitions: shown.stalled(),
        },
    };
    // The health server answers for as long as the consumer runs, its stop included.
    let health_shutdown = Shutdown { draining: shutdown.draining.clone(), ..Shutdown::default() };
    let health = api::serve_health(listener, readiness, health_shutdown);
    let consumer = consumer::run(settings.config(kafka), configs, status, shutdown.stop.clone());
    tokio::pin!(consumer);
    tokio::select! {
        ended = &mut consumer => Ok(ended?),
        ended = health => {
            shutdown.stop.cancel();
            consumer.await?;
            Ok(ended?)
        }
    }
}
