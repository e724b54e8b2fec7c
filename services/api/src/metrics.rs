//! What is measured, for Prometheus.
//!
//! | metric | type | what |
//! | --- | --- | --- |
//! | `oncelog_http_requests_total{method,path,status}` | counter | requests answered |
//! | `oncelog_http_request_seconds{path}` | histogram | from header to answer, the verdict wait included |
//! | `oncelog_published_events_total{outcome}` | counter | stored, duplicate (conflicts included), conflict, `dead_letter`, queued, `not_kept` |
//! | `oncelog_append_seconds` | histogram | from a checked request to its last delivery report |
//! | `oncelog_verdict_wait_seconds` | histogram | from the last delivery report to the verdict or 202 |
//! | `oncelog_verdict_waiting_events` | gauge | events of requests that wait for their verdict |
//! | `oncelog_producer_queue_records`, `…_bytes` | gauge | records that await their delivery report |
//! | `oncelog_pending_records` | gauge | records not stored yet, when it was last asked for |
//! | `oncelog_limit_hits_total{limit}` | counter | how often a limit has bitten (`http::limit_hits`) |

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{Counter, Histogram, counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use crate::http::limit_hits::Limit;
use crate::http::problem::Problem;

/// Seconds; from well below an append to the longest verdict wait.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The process's metrics as Prometheus reads them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Exposition {
    handle: PrometheusHandle,
}

impl Exposition {
    /// Makes this process measure. Calling it again gives the same one.
    pub(crate) fn install() -> Result<Exposition, BuildError> {
        static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();
        if let Some(handle) = INSTALLED.get() {
            return Ok(Exposition { handle: handle.clone() });
        }
        let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        Ok(Exposition { handle: INSTALLED.get_or_init(|| handle).clone() })
    }

    /// Folds histograms' samples together now and then, or they pile up between two scrapes. Never ends.
    pub(crate) async fn upkeep(self) {
        const EVERY: Duration = Duration::from_secs(5);
        loop {
            tokio::time::sleep(EVERY).await;
            self.handle.run_upkeep();
        }
    }

    pub(crate) fn respond(&self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], self.handle.render()).into_response()
    }
}

impl std::fmt::Debug for Exposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}

/// Handles of what is measured often.
pub(crate) struct ApiMetrics {
    pub(crate) append_seconds: Histogram,
    pub(crate) verdict_wait_seconds: Histogram,
    pub(crate) queued: Counter,
    pub(crate) stored: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) conflicts: Counter,
    pub(crate) dead_letters: Counter,
    not_kept: Counter,
}

impl ApiMetrics {
    /// Call after [`Exposition::install`], or nothing is measured.
    pub(crate) fn new() -> ApiMetrics {
        describe();
        Limit::show(&Limit::OF_CONNECTIONS);
        Limit::show(&Limit::OF_REQUESTS);
        let outcome = |name: &'static str| counter!("oncelog_published_events_total", "outcome" => name);
        ApiMetrics {
            append_seconds: histogram!("oncelog_append_seconds"),
            verdict_wait_seconds: histogram!("oncelog_verdict_wait_seconds"),
            queued: outcome("queued"),
            stored: outcome("stored"),
            duplicates: outcome("duplicate"),
            conflicts: outcome("conflict"),
            dead_letters: outcome("dead_letter"),
            not_kept: outcome("not_kept"),
        }
    }

    pub(crate) fn not_kept(&self, problem: &Problem) {
        if let Problem::NotKept { not_kept, unknown, .. } = problem {
            self.not_kept.increment((not_kept + unknown) as u64);
        }
    }
}

/// Counts and times each request, by route: a path of the client's would be a label without limit.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let route = request.extensions().get::<MatchedPath>();
    let path = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let response = next.run(request).await;
    let seconds = begun.elapsed().as_secs_f64();
    histogram!("oncelog_http_request_seconds", "path" => path.clone()).record(seconds);
    let status = response.status().as_u16().to_string();
    counter!("oncelog_http_requests_total", "method" => method, "path" => path, "status" => status).increment(1);
    response
}

fn describe() {
    describe_counter!("oncelog_http_requests_total", "Requests answered");
    describe_histogram!("oncelog_http_request_seconds", "From header to answer, the verdict wait included");
    describe_counter!("oncelog_published_events_total", "Events of answered publish requests, by outcome");
    describe_histogram!("oncelog_append_seconds", "From a checked request to its last delivery report");
    describe_histogram!("oncelog_verdict_wait_seconds", "From the last delivery report to the verdict or 202");
    describe_gauge!("oncelog_verdict_waiting_events", "Events of requests that wait for their verdict");
    describe_gauge!("oncelog_producer_queue_records", "Records that await their delivery report");
    describe_gauge!("oncelog_producer_queue_bytes", "Bytes of records that await their delivery report");
    describe_gauge!("oncelog_pending_records", "Records not stored yet, when it was last asked for");
}
