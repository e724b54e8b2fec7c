//! Answers that hold their share of a budget until the client has taken them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::byte_budget::Reserved;
use crate::http::problem::Problem;

/// The value as JSON, which holds as much of the share as it is long.
pub(crate) fn json(status: StatusCode, value: &impl Serialize, held: Reserved) -> Response {
    let Ok(text) = serde_json::to_vec(value) else {
        return Problem::Internal.into_response();
    };
    let mut response = respond(text, "application/json", held);
    *response.status_mut() = status;
    response
}

/// The text as a 200, which holds as much of the share as it is long.
pub(crate) fn respond(text: Vec<u8>, media_type: &'static str, held: Reserved) -> Response {
    let mut response = Response::new(Body::from(held.into_bytes(text)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
