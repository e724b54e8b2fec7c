//! A small server for a process that has no other: `/livez`, `/readyz`, `/health` and `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::config::Timeouts;
use crate::error::ApiError;
use crate::http::limit_hits::Limit;
use crate::http::problem::Problem;
use crate::http::server::{self, Shutdown};
use crate::metrics::Exposition;
use crate::routes::health::{DRAINING, Details, Ready, livez, name};
use crate::upstream::status::Reach;

/// How many may be connected at a time.
pub const HEALTH_CONNECTIONS: usize = 64;

/// How long a header may take: whoever asks for health sends it at once.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether a process does its work.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// Decides between 200 and 503, while the process is not about to stop.
    pub ready: bool,
    /// Whether the broker answered last, none if it never has; shown only: the process is ready without it.
    pub broker: Option<bool>,
    /// Whether the database answered last; shown only, too.
    pub database: Option<bool>,
    /// Why something does not work.
    pub details: Details,
}

/// Serves until [`Shutdown::stop`]. `ready` is asked at each `/readyz`; it must not block.
pub async fn serve_health(
    listener: TcpListener,
    ready: impl Fn() -> Readiness + Clone + Send + Sync + 'static,
    shutdown: Shutdown,
) -> Result<(), ApiError> {
    let exposition = Exposition::install()?;
    let folded = Arc::new(exposition.clone());
    let draining = shutdown.draining.clone();
    let healthy = ready.clone();
    let readyz = get(async move || answer(ready(), draining.is_cancelled()));
    let app = Router::new()
        .route("/livez", get(livez))
        .route("/health", get(async move || health(healthy())))
        .route("/readyz", readyz.clone())
        .route("/healthz", readyz)
        .route("/metrics", get(async move || folded.respond()))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed);
    Limit::show(&Limit::OF_CONNECTIONS);
    let timeouts = Timeouts { header_read: HEADER_READ_TIMEOUT, ..Timeouts::default() };
    let settings = server::Settings { timeouts, max_connections: HEALTH_CONNECTIONS };
    tokio::select! {
        () = server::serve(listener, app, &settings, shutdown) => {}
        () = exposition.upkeep() => {}
    }
    Ok(())
}

/// How the process is doing; always 200.
#[derive(Serialize)]
struct Health {
    /// `healthy`: it has joined the group, broker and database answer, and no partition stands still; else
    /// `degraded`.
    status: &'static str,
    /// What is wrong, by its part.
    #[serde(skip_serializing_if = "Details::are_none")]
    details: Details,
}

fn health(readiness: Readiness) -> Json<Health> {
    let Readiness { ready, broker, database, details } = readiness;
    let works = ready && broker == Some(true) && database == Some(true) && details.are_none();
    Json(Health { status: if works { "healthy" } else { "degraded" }, details })
}

fn answer(readiness: Readiness, draining: bool) -> (StatusCode, Json<Ready>) {
    let (code, status) = if readiness.ready && !draining {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let details = readiness.details;
    let said = details.topic.as_ref().or(details.broker.as_ref()).or(details.database.as_ref());
    let said = said.or(details.partitions.first()).cloned();
    let detail = if draining { Some(DRAINING.to_owned()) } else { said };
    let [broker, database] = [readiness.broker, readiness.database].map(|works| name(reach(works)));
    (code, Json(Ready { status, broker, database, detail, details }))
}

fn reach(works: Option<bool>) -> Reach {
    match works {
        None => Reach::Never,
        Some(true) => Reach::Up,
        Some(false) => Reach::Down,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_degraded_while_a_partition_stands_still_and_says_which() {
        let works = Readiness { ready: true, broker: Some(true), database: Some(true), details: Details::default() };
        assert_eq!(health(works.clone()).0.status, "healthy");
        let details = Details { partitions: vec!["partition 3 stands still".to_owned()], ..Details::default() };
        let stalled = Readiness { details: details.clone(), ..works.clone() };
        let Json(told) = health(stalled.clone());
        assert_eq!((told.status, told.details), ("degraded", details));
        assert_eq!(answer(stalled, false).1.0.detail.as_deref(), Some("partition 3 stands still"));
        assert_eq!(health(Readiness { database: None, ..works }).0.status, "degraded");
    }

    #[test]
    fn it_answers_in_the_words_of_the_api() {
        let locked = Details { database: Some("locked".to_owned()), ..Details::default() };
        let readiness = Readiness { ready: true, broker: None, database: Some(false), details: locked };
        let (code, Json(told)) = answer(readiness.clone(), false);
        assert_eq!((code, told.broker, told.database), (StatusCode::OK, "not yet", "down"));
        assert_eq!(told.detail.as_deref(), Some("locked"));
        let (code, Json(told)) = answer(readiness, true);
        assert_eq!((code, told.status), (StatusCode::SERVICE_UNAVAILABLE, "not ready"));
        assert_eq!(told.detail.as_deref(), Some(DRAINING));
    }
}
