//! A small server for a process that has no other: `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use crate::config::Timeouts;
use crate::error::ApiError;
use crate::http::problem::Problem;
use crate::http::server::{self, Shutdown};
use crate::meters::Exposition;
use crate::routes::health::{DRAINING, Details, Ready, livez, name};
use crate::upstream::facts::Reach;

/// How many may be connected at a time.
pub const HEALTH_CONNECTIONS: usize = 64;

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
    let readyz = get(async move || answer(ready(), draining.is_cancelled()));
    let app = Router::new()
        .route("/livez", get(livez))
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

fn answer(readiness: Readiness, draining: bool) -> (StatusCode, Json<Ready>) {
    let (code, status) = if readiness.ready && !draining {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let details = readiness.details;
    let said = details.topic.as_ref().or(details.broker.as_ref()).or(details.database.as_ref()).cloned();
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
