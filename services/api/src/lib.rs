//! HTTP: the only crate that names axum.
//!
//! ```text
//! POST /publish ─ body ─ event::body::parse ─ broker::Appender ─ verdict_wait ─ 200 or 202
//! GET  /events, /topics, /stats ─ store (counters and rows), watermarks (the log's ends)
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`config`] | settings, each with its variable |
//! | `router` | which path is what; what every request passes through |
//! | `server` | connections: how many, their deadlines, their end |
//! | `publish` | events into the log; `answers` is what it takes and says |
//! | `body` | reading a body within its limits |
//! | `prefer`, `trace_context`, `query` | headers and parameters, parsed |
//! | `verdict_wait` | the one task that reads verdicts; `waiting` decides who can be answered |
//! | `listing`, `topics`, `stats`, `health` | reads; `figures` does the sums of `/stats` |
//! | `problem` | **the error policy**, and each problem's status |
//! | `limits`, `held_bytes` | budgets in bytes, and answers that hold a share of one |
//! | `log_watch`, `facts` | what is known about broker, database and consumer group right now |
//! | `watermarks` | the log's ends, read once for all who ask |
//! | [`meters`] | what is measured |
//! | [`health_server`] | liveness, readiness and metrics of a process without an API |
//! | `docs` | the API's description and its readers |
//!
//! What the crate does not know: how a record is stored, and how the log is spoken to.

mod answers;
mod body;
pub mod config;
mod docs;
mod facts;
mod figures;
mod health;
pub mod health_server;
mod held_bytes;
mod limits;
mod listing;
mod log_watch;
pub mod meters;
mod prefer;
mod problem;
mod publish;
mod query;
mod router;
mod server;
mod stats;
mod topics;
mod trace_context;
mod verdict_wait;
mod waiting;
mod watermarks;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use broker::{Appender, LogClient};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use health_server::{Readiness, serve_health};
pub use meters::Exposition;

use body::BodyReader;
use facts::Board;
use limits::ByteBudget;
use log_watch::LogWatch;
use meters::Meters;
use router::Api;
use verdict_wait::VerdictWait;
use watermarks::WatermarkReader;

/// Who the API speaks to. None of them has to be reachable yet.
#[derive(Clone)]
pub struct Deps {
    /// Reads.
    pub store: Store,
    /// Appends. Its topic and key mode must be those of [`Config::log`].
    pub appender: Appender,
    /// Describes the log.
    pub log: LogClient,
    /// What is measured.
    pub exposition: Exposition,
}

/// Serves HTTP on `listener` until `shutdown`, then lets what is in flight end within
/// [`config::Timeouts::shutdown`]; a request that waits for its verdict is answered 202 then.
///
/// Creates and verifies the Kafka topic as soon as the broker answers; before that, `/publish` is 503.
/// The appender is not closed: whoever opened it does that afterwards.
pub async fn run(listener: TcpListener, deps: Deps, config: Config, shutdown: CancellationToken) {
    let Deps {
        store,
        appender,
        log,
        exposition,
    } = deps;
    let board = Board::new();
    // Ends with this function.
    let mut tasks = JoinSet::new();
    let watch = LogWatch {
        client: log.clone(),
        store: store.clone(),
        config: config.log.clone(),
        board: board.clone(),
    };
    tasks.spawn(watch.run());
    let (verdicts, serve_verdicts) = VerdictWait::new(
        &config.verdicts,
        store.clone(),
        board.clone(),
        shutdown.clone(),
    );
    tasks.spawn(serve_verdicts);
    let (watermarks, serve_watermarks) = WatermarkReader::new(log);
    tasks.spawn(serve_watermarks);
    tasks.spawn(exposition.clone().upkeep());
    let settings = server::Settings {
        timeouts: config.timeouts.clone(),
        max_connections: config.limits.max_connections,
    };
    let api = Api {
        bodies: BodyReader::new(&config.limits, &config.timeouts),
        responses: ByteBudget::new(config.limits.response_budget_bytes),
        config,
        store,
        appender,
        board,
        verdicts,
        watermarks,
        exposition,
        meters: Meters::new(),
        started: Instant::now(),
        last_pending: AtomicI64::new(0),
    };
    server::serve(listener, router::router(Arc::new(api)), &settings, shutdown).await;
}
