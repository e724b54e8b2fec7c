//! A small server for a process that has no other: `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::ApiError;
use crate::config::Timeouts;
use crate::health::Details;
use crate::meters::Exposition;
use crate::problem::Problem;
use crate::server::{self, Shutdown};

/// How many may be connected at a time.
pub const HEALTH_CONNECTIONS: usize = 64;

/// Whether a process does its work.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// Decides between 200 and 503.
    pub ready: bool,
    /// Whether the broker answered last; shown only: the process is ready without it.
    pub broker: bool,
    /// Whether the database answered last; shown only, too.
    pub database: bool,
    /// Why something does not work.
    pub details: Details,
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    broker: &'static str,
    database: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Details::are_none")]
    details: Details,
}

/// Serves until [`Shutdown::stop`]. `ready` is asked at each `/readyz`; it must not block.
pub async fn serve_health(
    listener: TcpListener,
    ready: impl Fn() -> Readiness + Clone + Send + Sync + 'static,
    shutdown: Shutdown,
) -> Result<(), ApiError> {
    let exposition = Exposition::install()?;
    let folded = Arc::new(exposition.clone());
    let readyz = get(async move || answer(ready()));
    let app = Router::new()
        .route("/livez", get(crate::health::livez))
        .route("/readyz", readyz.clone())
        .route("/healthz", readyz)
        .route("/metrics", get(async move || folded.respond()))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed);
    let settings = server::Settings { timeouts: Timeouts::default(), max_connections: HEALTH_CONNECTIONS };
    tokio::select! {
        () = server::serve(listener, app, &settings, shutdown) => {}
        () = exposition.upkeep() => {}
    }
    Ok(())
}

fn answer(readiness: Readiness) -> (StatusCode, Json<Answer>) {
    let (code, status) =
        if readiness.ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    let name = |works| if works { "up" } else { "down" };
    let details = readiness.details;
    let detail = details.topic.as_ref().or(details.broker.as_ref()).or(details.database.as_ref()).cloned();
    let (broker, database) = (name(readiness.broker), name(readiness.database));
    (code, Json(Answer { status, broker, database, detail, details }))
}
