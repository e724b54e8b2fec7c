//! Which path is what, and what every request passes through.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response as HttpResponse};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::limit_hits::Limit;
use crate::http::problem::Problem;
use crate::metrics::measure;
use crate::routes::{docs, health, index, listing, metrics, publish, stats, topics};
use crate::state::Shared;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes that are described, and their description.
fn described() -> (Router<Shared>, OpenApi) {
    let (routes, description) = OpenApiRouter::with_openapi(docs::description())
        .routes(routes!(publish::publish))
        .routes(routes!(listing::list))
        .routes(routes!(listing::one))
        .routes(routes!(topics::topics))
        .routes(routes!(stats::stats))
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(index::index))
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
        .map_request(without_odd_request_id)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(from_fn(measure))
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn_with_state(api, in_time));
    routes
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(layers)
}

/// An id that would not fit into a line of a log is replaced by one of ours.
fn without_odd_request_id(mut request: Request) -> Request {
    const MOST_BYTES: usize = 128;
    let fits =
        |id: &HeaderValue| (1..=MOST_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    if request.headers().get(REQUEST_ID).is_some_and(|id| !fits(id)) {
        Limit::RequestId.hit();
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

/// The last resort: each wait inside has a deadline of its own, below this one.
async fn in_time(State(api): State<Shared>, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(api.config.timeouts.request, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        Limit::RequestTimeout.hit();
        Problem::Unanswered.into_response()
    })
}

/// The process's hook has said it.
fn caught(_panic: Box<dyn Any + Send>) -> HttpResponse<axum::body::Body> {
    Problem::Internal.into_response()
}

fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::to_value(described().1).unwrap()
    }

    #[test]
    fn the_description_is_as_reviewed() {
        let mut document = document();
        // Each release has another.
        document["info"]["version"] = "[version]".into();

        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("openapi", format!("{document:#}"));
        });
    }

    #[test]
    fn every_error_that_is_described_is_a_problem() {
        let document = document();

        let paths = document["paths"].as_object().unwrap();
        let operations =
            paths.iter().flat_map(|(path, item)| item.as_object().unwrap().values().map(move |o| (path, o)));
        for (path, operation) in operations {
            for (status, response) in operation["responses"].as_object().unwrap() {
                // Readiness is a state, not an error.
                if status.as_str() >= "400" && path != "/readyz" {
                    let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{path} {status}");
                }
            }
        }
    }

    #[test]
    fn a_publish_request_is_one_event_an_array_or_an_object_with_limits() {
        let document = document();

        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["components"]["schemas"]["Publish"]["oneOf"].as_array().unwrap().len(), 3);
        let many = &document["components"]["schemas"]["Publish"]["oneOf"][1];
        assert_eq!((&many["minItems"], &many["maxItems"]), (&Value::from(1), &Value::from(10_000)));
        let topic = &document["components"]["schemas"]["Event"]["properties"]["topic"];
        assert_eq!((&topic["minLength"], &topic["maxLength"]), (&Value::from(1), &Value::from(255)));
        let required = document["components"]["schemas"]["Event"]["required"].as_array().unwrap();
        assert!(!required.contains(&Value::from("payload")), "{required:?}");
    }

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        let document = document();

        let text = document.to_string();
        for name in text.split("#/components/schemas/").skip(1) {
            let name = name.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}
