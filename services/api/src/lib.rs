//! HTTP: the only crate that names axum.
//!
//! ```text
//! POST /publish ─ body ─ event::body::parse ─ broker::Appender ─ verdicts ─ 200 or 202
//! GET  /events, /topics, /stats ─ store (counters and rows), watermarks (the log's ends)
//! ```
//!
//! Each place uses those below it, none the other way:
//!
//! | place | what it holds |
//! | --- | --- |
//! | `router` | which path is what; what every request passes through |
//! | `health_server` | liveness, readiness and metrics of a process without an API |
//! | `routes` | one file per handler, and what it takes and answers |
//! | `state` | what handlers share |
//! | `verdicts` | the wait of a publisher: `waiter` is the one task that reads verdicts, `policy` decides who can be answered, `suspicions` tells the consumer of positions that can't be |
//! | `upstream` | `status`: what is known about broker, database and consumer group right now; `log_watch` asks them; `standstill`: which partitions are not stored on; `watermarks`: the log's ends; `stats_reader`: counters and topics, with the `totals` made of them; `reading`: reads of the database that end in time. Both ends and counters are read once for all who ask (`shared_read`) |
//! | `metrics` | what is measured |
//! | `http` | connections (`server`), headers and parameters, bodies, budgets in bytes (`byte_budget`, `budgeted_body`), and `problem`: **the error policy** |
//! | [`config`] | settings, each with its variable |
//!
//! What the crate does not know: how a record is stored, and how the log is spoken to.

pub mod config;
mod error;
mod health_server;
mod http;
mod metrics;
mod planted;
mod router;
mod routes;
mod state;
mod upstream;
mod verdicts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::{Appender, LogClient};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use config::Config;
pub use error::ApiError;
pub use health_server::{HEALTH_CONNECTIONS, Readiness, serve_health};
pub use http::contained::contains_panics;
pub use http::server::Shutdown;
pub use routes::health::Details;

use http::body::BodyReader;
use http::byte_budget::ByteBudget;
use http::server;
use metrics::{ApiMetrics, Exposition};
use state::Api;
use upstream::log_watch::LogWatch;
use upstream::standstill::StandstillWatch;
use upstream::stats_reader::StatsReader;
use upstream::status::StatusBoard;
use upstream::watermarks::WatermarkReader;
use verdicts::waiter::VerdictWaiter;

/// How long the producer may take to let go, once nobody waits for it.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Serves HTTP on `listener` until [`Shutdown::stop`], then lets what is in flight end within
/// [`config::Timeouts::shutdown`]; a request that waits for its verdict is answered 202 then. From
/// [`Shutdown::draining`] on it is not ready.
///
/// Neither broker nor database has to be there: what they are needed for is done as soon as they
/// answer (the topic created and verified, the schema brought up to date), and until the topic is
/// verified `/publish` is 503.
pub async fn run(
    listener: TcpListener,
    config: Config,
    (log, database): (broker::Config, store::Config),
    shutdown: Shutdown,
) -> Result<(), ApiError> {
    let exposition = Exposition::install()?;
    let (client, appender, store) = (LogClient::open(&log)?, Appender::open(&log)?, Store::open(&database)?);
    let board = StatusBoard::new();
    let (verdicts, serve_verdicts) =
        VerdictWaiter::new(&config.verdicts, store.verdict_reader(), board.clone(), shutdown.stop.clone());
    let (watermarks, serve_watermarks) = WatermarkReader::new(client.clone(), board.clone());
    let standstill = (client.clone(), store.clone());
    let standstill = StandstillWatch::new(standstill, board.clone(), config.log.stalled_after);
    let (stats, serve_stats) = StatsReader::new(store.clone(), watermarks, board.clone());
    let watch = LogWatch { client, store: store.clone(), config: config.log.clone(), board: board.clone() };
    // They end with this function.
    let mut tasks = JoinSet::new();
    tasks.spawn(verdicts::suspicions::tell(verdicts.suspicions(), watch.clone()));
    tasks.spawn(watch.run());
    tasks.spawn(standstill.run());
    tasks.spawn(serve_verdicts);
    tasks.spawn(serve_watermarks);
    tasks.spawn(serve_stats);
    tasks.spawn(exposition.clone().upkeep());
    let settings =
        server::Settings { timeouts: config.timeouts.clone(), max_connections: config.limits.max_connections };
    let api = Api {
        bodies: BodyReader::new(&config.limits, &config.timeouts),
        responses: ByteBudget::new(config.limits.response_budget_bytes),
        config,
        partition_by: log.partition_by,
        store,
        appender: appender.clone(),
        board,
        verdicts,
        stats,
        exposition,
        metrics: ApiMetrics::new(),
        started: Instant::now(),
        draining: shutdown.draining.clone(),
    };
    server::serve(listener, router::router(Arc::new(api)), &settings, shutdown).await;
    appender.close(CLOSE_WITHIN).await;
    Ok(())
}
