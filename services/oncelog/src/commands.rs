//! One function per command: settings in, a running room out.

mod health;

use std::future::Future;
use std::time::Duration;

use clap::CommandFactory;
use consumer::Status;
use store::{Store, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::cli::{ApiCommand, Cli, ConsumerCommand, MigrateCommand, ServeCommand};
use crate::listen::{self, Place, listen};
use crate::settings::{self, Database, Kafka};
use crate::shutdown;

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
    let shutdown = shutdown::on_signal()?;
    serve_api(&command.kafka, &command.database, &command.api, shutdown).await
}

/// `oncelog consumer`.
pub(crate) async fn consumer(command: ConsumerCommand) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal()?;
    run_consumer(&command.kafka, &command.database, &command.consumer, shutdown).await
}

/// `oncelog serve`: both; if one ends, the other is stopped.
pub(crate) async fn serve(command: ServeCommand) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal()?;
    let stop_both = shutdown.clone().drop_guard();
    let api = serve_api(&command.kafka, &command.database, &command.api, shutdown.clone());
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
    loop {
        match store.migrate().await {
            Ok(()) => {
                println!("the schema is up to date");
                return Ok(());
            }
            Err(error @ StoreError::Unavailable(_)) if Instant::now() < deadline => {
                tracing::info!(%error, "waiting for the database");
                sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// `oncelog completions`.
pub(crate) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "oncelog", &mut std::io::stdout());
}

async fn serve_api(
    kafka: &Kafka,
    database: &Database,
    settings: &settings::Api,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let (config, configs) = (settings.config(kafka)?, (settings.broker(kafka)?, database.config()?));
    let place = Place { host: settings.host.as_deref(), port: settings.port, names: listen::API };
    Ok(api::run(listen(place).await?, config, configs, shutdown).await?)
}

async fn run_consumer(
    kafka: &Kafka,
    database: &Database,
    settings: &settings::Consumer,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let configs = (kafka.config()?, database.config()?);
    let host = settings.consumer_host.as_deref();
    let listener = listen(Place { host, port: settings.consumer_port, names: listen::CONSUMER }).await?;
    let status = Status::default();
    let shown = status.clone();
    let readiness = move || api::Readiness { ready: shown.is_started(), database: shown.database_works() };
    // The health server answers for as long as the consumer runs, its stop included.
    let health = api::serve_health(listener, readiness, CancellationToken::new());
    let consumer = consumer::run(settings.config(kafka), configs, status, shutdown.clone());
    tokio::pin!(consumer);
    tokio::select! {
        ended = &mut consumer => Ok(ended?),
        ended = health => {
            shutdown.cancel();
            consumer.await?;
            Ok(ended?)
        }
    }
}
