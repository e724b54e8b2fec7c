//! Which path is what, and what every request passes through.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, Response as HttpResponse};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use broker::{Appender, PartitionBy};
use serde::Serialize;
use store::Store;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::Config;
use crate::http::body::BodyReader;
use crate::http::forwarded::Prefix;
use crate::http::limits::ByteBudget;
use crate::http::problem::Problem;
use crate::meters::{self, Exposition, Meters};
use crate::routes::{docs, health, listing, publish, stats, topics};
use crate::upstream::facts::Board;
use crate::upstream::watermarks::WatermarkReader;
use crate::verdicts::verdict_wait::VerdictWait;

/// What handlers share.
pub(crate) struct Api {
    pub(crate) config: Config,
    pub(crate) partition_by: PartitionBy,
    pub(crate) store: Store,
    pub(crate) appender: Appender,
    pub(crate) board: Board,
    pub(crate) verdicts: VerdictWait,
    pub(crate) watermarks: WatermarkReader,
    pub(crate) bodies: BodyReader,
    pub(crate) responses: ByteBudget,
    pub(crate) exposition: Exposition,
    pub(crate) meters: Meters,
    pub(crate) started: Instant,
    /// Cancelled when nobody should come any more.
    pub(crate) draining: CancellationToken,
    /// Pending records when broker and database last told.
    pub(crate) last_pending: AtomicI64,
}

/// What handlers take.
pub(crate) type Shared = Arc<Api>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes that are described, and their description.
pub(crate) fn described() -> (Router<Shared>, OpenApi) {
    let (routes, description) = OpenApiRouter::with_openapi(docs::description())
        .routes(routes!(publish::publish))
        .routes(routes!(listing::list))
        .routes(routes!(listing::one))
        .routes(routes!(topics::topics))
        .routes(routes!(stats::stats))
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(meters::metrics))
        .routes(routes!(index))
        .split_for_parts();
    (routes, docs::completed(description))
}

/// All routes, with the layers that every request passes through.
pub(crate) fn router(api: Shared) -> Router {
    let (routes, description) = described();
    let routes = routes
        .route("/healthz", get(health::readyz))
        .route("/health/ready", get(health::readyz))
        .with_state(Arc::clone(&api))
        .merge(docs::routes(&description));
    // The first layer sees a request first. One stack of them, since each one that is given to the
    // router by itself costs every request a box and a clone. What fails is logged where its cause is
    // known, not once more for its status.
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(from_fn(meters::measure))
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn_with_state(api, in_time));
    routes
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(layers)
}

/// The last resort: each wait inside has a deadline of its own, below this one.
async fn in_time(State(api): State<Shared>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(api.config.timeouts.request, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::Unanswered.into_response(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "CatchPanicLayer calls it so")]
fn caught(panic: Box<dyn Any + Send>) -> HttpResponse<axum::body::Body> {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("of another type"), "a handler panicked");
    Problem::Internal.into_response()
}

fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}

/// What this is, and where to go on.
#[derive(Serialize, ToSchema)]
struct Index {
    #[schema(example = "oncelog")]
    name: &'static str,
    #[schema(example = "0.1.0")]
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
async fn index(prefix: Prefix) -> Json<Index> {
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
