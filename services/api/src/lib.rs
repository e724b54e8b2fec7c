//! HTTP: the only crate that names axum.
//!
//! ```text
//! POST /publish ─ body ─ event::body::parse ─ broker::Appender ─ verdict_wait ─ 200 or 202
//! GET  /events, /topics, /stats ─ store (counters and rows), watermarks (the log's ends)
//! ```
//!
//! | place | what it holds |
//! | --- | --- |
//! | [`config`] | settings, each with its variable |
//! | `router` | which path is what; what every request passes through |
//! | `routes` | the handlers: `publish` (`bodies` is what it takes, `answers` what it says); `listing`, `topics`, `stats`, `health` read (`event_rows` is how events are written, `figures` does the sums of `/stats`); `docs` is the API's description and its readers |
//! | `http` | `server`: connections, how many (`room`), their deadlines (`stream`), what each is doing (`line`), their end; `body`: reading a body within its limits; `prefer`, `trace_context`, `forwarded`, `query`: headers and parameters, parsed; `limits`, `held_bytes`: budgets in bytes, and answers that hold a share of one; `problem`: **the error policy**, and each problem's status |
//! | `verdicts` | `verdict_wait`: the one task that reads verdicts; `waiting` decides who can be answered |
//! | `upstream` | `facts`: what is known about broker, database and consumer group right now; `log_watch` asks them; `watermarks`: the log's ends, read once for all who ask |
//! | `meters` | what is measured |
//! | `health_server` | liveness, readiness and metrics of a process without an API |
//!
//! What the crate does not know: how a record is stored, and how the log is spoken to.

pub mod config;
mod health_server;
mod http;
mod meters;
mod router;
mod routes;
mod upstream;
mod verdicts;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use broker::{Appender, BrokerError, LogClient};
use metrics_exporter_prometheus::BuildError;
use store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use config::Config;
pub use health_server::{HEALTH_CONNECTIONS, Readiness, serve_health};
pub use http::server::Shutdown;
pub use routes::health::Details;

use http::body::BodyReader;
use http::limits::ByteBudget;
use http::server;
use meters::{Exposition, Meters};
use router::Api;
use upstream::facts::Board;
use upstream::log_watch::LogWatch;
use upstream::watermarks::WatermarkReader;
use verdicts::verdict_wait::VerdictWait;

/// Why the API could not begin. Waiting does not help; correct what the message names.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A setting of the log is refused.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A setting of the database is refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another recorder of metrics is installed in this process.
    #[error("nothing can be measured: {0}")]
    Metrics(#[from] BuildError),
}

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
    let board = Board::new();
    let (verdicts, serve_verdicts) =
        VerdictWait::new(&config.verdicts, store.verdict_reader(), board.clone(), shutdown.stop.clone());
    let (watermarks, serve_watermarks) = WatermarkReader::new(client.clone(), board.clone());
    let watch = LogWatch {
        client,
        store: store.clone(),
        partition_by: log.partition_by,
        config: config.log.clone(),
        board: board.clone(),
    };
    // They end with this function.
    let mut tasks = JoinSet::new();
    tasks.spawn(watch.run());
    tasks.spawn(serve_verdicts);
    tasks.spawn(serve_watermarks);
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
        watermarks,
        exposition,
        meters: Meters::new(),
        started: Instant::now(),
        draining: shutdown.draining.clone(),
        last_pending: AtomicI64::new(0),
    };
    server::serve(listener, router::router(Arc::new(api)), &settings, shutdown).await;
    appender.close(CLOSE_WITHIN).await;
    Ok(())
}
