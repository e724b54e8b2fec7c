//! `GET /`: what this is, and where to go on.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::forwarded::Prefix;

/// What this is, and where to go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Index {
    #[schema(example = "oncelog")]
    name: &'static str,
    #[schema(example = "0.2.0")]
    version: &'static str,
    description: &'static str,
    links: Links,
}

#[derive(Serialize, ToSchema)]
struct Links {
    publish: String,
    events: String,
    topics: String,
    stats: String,
    health: String,
    metrics: String,
    docs: String,
    redoc: String,
    openapi: String,
}

/// Tell what this is, and where to go on.
#[utoipa::path(get, path = "/", tag = "health", responses((status = 200, description = "Name, version, links", body = Index)))]
pub(crate) async fn index(prefix: Prefix) -> Json<Index> {
    Json(Index {
        name: "oncelog",
        version: env!("CARGO_PKG_VERSION"),
        description: "Every event, once",
        links: Links {
            publish: prefix.path("/publish"),
            events: prefix.path("/events"),
            topics: prefix.path("/topics"),
            stats: prefix.path("/stats"),
            health: prefix.path("/health"),
            metrics: prefix.path("/metrics"),
            docs: prefix.path("/docs"),
            redoc: prefix.path("/redoc"),
            openapi: prefix.path("/openapi.json"),
        },
    })
}
