//! `/openapi.json`, and two readers of it served from the binary: Swagger UI at `/docs`, ReDoc at `/redoc`.
//!
//! Their pages load nothing from elsewhere, and are told so ([`POLICY`]): a machine without the
//! internet shows them, and nobody else learns who reads. All their links are relative, so they hold
//! behind a proxy that serves us under another path, too.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, Schema};
use utoipa_swagger_ui::Config;

use crate::http::problem::Problem;

/// The bundle of `assets/redoc`, as it is sent: every browser unpacks it.
static REDOC_BUNDLE: &[u8] = include_bytes!("../../assets/redoc/redoc.standalone.js.gz");
static REDOC_PAGE: &str = include_str!("../../assets/redoc/index.html");

/// What a page may load: its own files; both readers need inline styles, ReDoc a worker of a blob.
const POLICY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; worker-src 'self' blob:",
    ),
);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "oncelog",
        description = "Every event, once: events are appended to a Kafka topic and stored exactly once in PostgreSQL.\n\n\
            An event is known by its `topic` and `event_id`; publishing it again is always safe and stores nothing new. \
            Errors are `application/problem+json` (RFC 9457). Every answer bears the `x-request-id` of its request.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = ".", description = "Where this description was loaded from")),
    tags(
        (name = "events", description = "Publish and read events"),
        (name = "statistics", description = "What came and what became of it"),
        (name = "health", description = "Whether it works"),
    )
)]
struct Description;

/// What holds for the API as a whole; the routes add themselves.
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    let mut description = Description::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut description.info.version);
    description
}

/// Adds what every operation may answer: a bug of ours.
pub(crate) fn completed(mut description: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let mut problem = ResponseBuilder::new().description("The server failed");
    let schema = Ref::from_schema_name("Problem");
    problem = problem.content("application/problem+json", ContentBuilder::new().schema(Some(schema)).build());
    let problem = problem.build();
    limit_the_array_of_events(&mut description);
    let operations = description.paths.paths.values_mut().flat_map(|path| [&mut path.get, &mut path.post]);
    for operation in operations.flatten() {
        operation.responses.responses.entry("500".to_owned()).or_insert(RefOr::T(problem.clone()));
    }
    description
}

/// As many as in an object with events. What is derived for a variant of an enum has no limits.
fn limit_the_array_of_events(description: &mut utoipa::openapi::OpenApi) {
    let schemas = description.components.as_mut().map(|components| &mut components.schemas);
    let publish = schemas.and_then(|schemas| schemas.get_mut("Publish"));
    let Some(RefOr::T(Schema::OneOf(publish))) = publish else {
        return;
    };
    for body in &mut publish.items {
        if let RefOr::T(Schema::Array(events)) = body {
            (events.min_items, events.max_items) = (Some(1), Some(10_000));
        }
    }
}

/// The description and its readers.
pub(crate) fn routes(description: &utoipa::openapi::OpenApi) -> Router {
    // Written once: it never changes while the process lives.
    let json = match description.to_json() {
        Ok(json) => Bytes::from(json),
        Err(error) => {
            tracing::error!(%error, "the API's description can't be written");
            Bytes::from_static(b"{}")
        }
    };
    let openapi = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], json) });
    // The validator is a service elsewhere.
    let config = Arc::new(Config::from("../openapi.json").validator_url("none").try_it_out_enabled(true));
    let page = Arc::clone(&config);
    Router::new()
        .route("/openapi.json", openapi)
        .route("/docs", get(async move || swagger_page(page)))
        .route("/docs/", get(async || axum::response::Redirect::permanent("../docs")))
        .route("/docs/{*file}", get(async move |Path(file): Path<String>| swagger_file(&file, config)))
        .route("/redoc/", get(async || axum::response::Redirect::permanent("../redoc")))
        .route("/redoc", get(async || ([POLICY, content_type("text/html; charset=utf-8")], REDOC_PAGE)))
        .route(
            "/redoc/redoc.standalone.js",
            get(async || {
                let gzip = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                ([gzip, content_type("text/javascript; charset=utf-8")], REDOC_BUNDLE)
            }),
        )
}

/// Swagger UI's page. Its links are relative to a folder, hence the base.
fn swagger_page(config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve("index.html", config) {
        Ok(Some(file)) => {
            let page = String::from_utf8_lossy(&file.bytes).replacen("<head>", "<head><base href=\"docs/\">", 1);
            ([POLICY, content_type("text/html; charset=utf-8")], page).into_response()
        }
        Ok(None) => Problem::NotFound.into_response(),
        Err(error) => failed(error.as_ref()),
    }
}

fn swagger_file(file: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(file, config) {
        Ok(Some(file)) => {
            // Not copied: who reads slowly would hold a megabyte of its own.
            let bytes = match file.bytes {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            };
            (StatusCode::OK, [(header::CONTENT_TYPE, file.content_type)], bytes).into_response()
        }
        Ok(None) => Problem::NotFound.into_response(),
        Err(error) => failed(error.as_ref()),
    }
}

fn failed(error: &dyn std::error::Error) -> Response {
    tracing::error!(%error, "Swagger UI can't be served");
    Problem::Internal.into_response()
}

fn content_type(text: &'static str) -> (HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_redoc_loads_nothing_from_elsewhere() {
        assert!(!REDOC_PAGE.contains("http://") && !REDOC_PAGE.contains("https://"));
        assert!(REDOC_BUNDLE.starts_with(&[0x1f, 0x8b]));
    }
}
