//! A handler that reads the same bodies and answers: what HTTP alone costs.

use anyhow::Result;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;

/// The api's own limit.
const MAX_BODY: usize = 8 << 20;

/// Serves until it is killed.
pub async fn serve(port: u16) -> Result<()> {
    let routes = Router::new()
        .route("/publish", post(async |body: Bytes| (StatusCode::ACCEPTED, Json(body.len()))))
        .route("/readyz", get(async || StatusCode::OK))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, routes).await?)
}
