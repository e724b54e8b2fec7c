//! `GET /metrics`: what is measured, for Prometheus.

use axum::extract::State;
use axum::response::Response;
use metrics::gauge;

use crate::state::Shared;

/// Show what is measured, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Text exposition format", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(State(api): State<Shared>) -> Response {
    // Gauges are read now.
    let queued = api.appender.queued();
    gauge!("oncelog_producer_queue_records").set(queued.messages as f64);
    gauge!("oncelog_producer_queue_bytes").set(queued.bytes as f64);
    gauge!("oncelog_verdict_waiting_events").set(api.verdicts.waiting() as f64);
    gauge!("oncelog_pending_records").set(api.stats.last_pending() as f64);
    api.exposition.respond()
}
