//! A small server for a process that has no other: `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Timeouts;
use crate::meters::Exposition;
use crate::problem::Problem;
use crate::server;

/// Whether a process does its work, and what it needs for it.
#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    /// Decides between 200 and 503.
    #[serde(skip)]
    pub ready: bool,
    /// What it needs, by name, and how that is doing; shown as they are.
    #[serde(flatten)]
    pub details: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    #[serde(flatten)]
    readiness: Readiness,
}

/// Serves until `shutdown`. `ready` is asked at each `/readyz`; it must not block.
pub async fn serve_health(
    listener: TcpListener,
    ready: impl Fn() -> Readiness + Send + Sync + 'static,
    exposition: Exposition,
    shutdown: CancellationToken,
) {
    const CONNECTIONS: usize = 64;
    let ready = Arc::new(ready);
    let readyz = get(move || {
        let readiness = ready();
        async move {
            let (code, status) = if readiness.ready {
                (StatusCode::OK, "ready")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "not ready")
            };
            (code, Json(Answer { status, readiness }))
        }
    });
    let app = Router::new()
        .route("/livez", get(crate::health::livez))
        .route("/readyz", readyz.clone())
        .route("/healthz", readyz)
        .route("/metrics", get(move || async move { exposition.respond() }))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed);
    let settings = server::Settings {
        timeouts: Timeouts::default(),
        max_connections: CONNECTIONS,
    };
    server::serve(listener, app, &settings, shutdown).await;
}
