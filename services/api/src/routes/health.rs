//! `/health`, `/livez`, `/readyz`: whether the API, and what it needs, is there.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::state::{Api, Shared};
use crate::upstream::status::Reach;

/// How long `/health` waits for the number of pending records before it tells the last known one.
const PENDING_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a process that is about to stop is not ready.
pub(crate) const DRAINING: &str = "the process is about to stop; requests that come all the same are served";

/// How the whole is doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `healthy`: events are taken and stored, and verdicts can be read; else `degraded`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Whether somebody in the consumer group has partitions.
    consumer_running: bool,
    /// Records in the log that are not stored yet, up to the first open transaction.
    queue_size: i64,
    /// Which partitions stand still although the log holds more of them: where, why, and how to look at each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!([]))]
    stalled: Vec<String>,
    /// When this was answered, in UTC.
    #[schema(example = "2025-10-24T15:12:30.120Z")]
    timestamp: String,
}

/// Whether the process lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    #[schema(example = "alive")]
    status: &'static str,
}

/// Whether requests can be served.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// `ready` or `not ready`.
    #[schema(example = "ready")]
    pub(crate) status: &'static str,
    /// `up`, `down`, or `not yet` if it has not answered since the start.
    #[schema(example = "up")]
    pub(crate) broker: &'static str,
    /// `up`, `down`, or `not yet` if it has not answered since the start.
    #[schema(example = "up")]
    pub(crate) database: &'static str,
    /// Why requests can't be served, or what does not work although they can.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the database can't be used now: password authentication failed for user \"oncelog\"")]
    pub(crate) detail: Option<String>,
    /// What does not work, by its part.
    #[serde(skip_serializing_if = "Details::are_none")]
    pub(crate) details: Details,
}

/// What is wrong, in the other side's own words; a part that works is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Details {
    /// Why the broker does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<String>,
    /// Why the database can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Why the Kafka topic can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Which partitions stand still, where, why, and how to look at each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<String>,
}

impl Details {
    /// Whether all works.
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == Details::default()
    }
}

/// Tell how the whole is doing.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses((status = 200, description = "Also while degraded", body = Health))
)]
pub(crate) async fn health(State(api): State<Shared>) -> Json<Health> {
    let queue_size = pending(&api).await;
    let upstream = api.board.now();
    Json(Health {
        status: if upstream.is_healthy() { "healthy" } else { "degraded" },
        consumer_running: upstream.consumer_running(),
        queue_size,
        stalled: upstream.stalled.to_vec(),
        timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
    })
}

/// Tell whether the process lives.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It does", body = Live)))]
pub(crate) async fn livez() -> Json<Live> {
    Json(Live { status: "alive" })
}

/// Tell whether requests can be served.
///
/// Ready once broker and database have both answered; later only while the broker does: a dead
/// database does not stop publishing. Also at `/healthz` and `/health/ready`.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "They can", body = Ready),
        (status = 503, description = "They can't", body = Ready),
    )
)]
pub(crate) async fn readyz(State(api): State<Shared>) -> Response {
    let upstream = api.board.now();
    let draining = api.draining.is_cancelled();
    let ready = upstream.is_ready() && !draining;
    let body = Ready {
        status: if ready { "ready" } else { "not ready" },
        broker: name(upstream.broker),
        database: name(upstream.database),
        detail: if draining { Some(DRAINING.to_owned()) } else { upstream.said().map(|said| said.to_string()) },
        details: Details {
            broker: upstream.broker_said.as_deref().map(str::to_owned),
            database: upstream.database_said.as_deref().or(upstream.copy_refused.as_deref()).map(str::to_owned),
            topic: upstream.topic_said().as_deref().map(str::to_owned),
            partitions: upstream.stalled.to_vec(),
        },
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

pub(crate) fn name(reach: Reach) -> &'static str {
    match reach {
        Reach::Never => "not yet",
        Reach::Up => "up",
        Reach::Down => "down",
    }
}

/// Pending records now, or as they were when both broker and database last answered.
async fn pending(api: &Api) -> i64 {
    let reachable = api.board.now().database == Reach::Up;
    if reachable && let Ok(Ok(counted)) = timeout(PENDING_TIMEOUT, api.stats.counted()).await {
        return counted.totals.pending;
    }
    api.stats.last_pending()
}
