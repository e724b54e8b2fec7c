//! A response body that holds its share of the budget until the client has taken it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use serde::Serialize;

use crate::http::limits::Held;
use crate::http::problem::Problem;

/// Bytes to send, and what they hold until they are sent or the client is gone.
struct HeldBytes {
    left: Bytes,
    _held: Held,
}

impl HeldBytes {
    /// How much is handed to the connection at once: what it has taken counts as sent.
    const PIECE: usize = 64 * 1024;

    fn new(bytes: Vec<u8>, held: Held) -> HeldBytes {
        HeldBytes { left: bytes.into(), _held: held }
    }
}

/// The value as JSON, which holds as much of its share as it is long.
pub(crate) fn json(status: StatusCode, value: &impl Serialize, held: Held) -> Response {
    let Ok(text) = serde_json::to_vec(value) else {
        return Problem::Internal.into_response();
    };
    let mut response = respond(text, "application/json", held);
    *response.status_mut() = status;
    response
}

/// The text as a 200, which holds as much of its share as it is long.
pub(crate) fn respond(text: Vec<u8>, media_type: &'static str, mut held: Held) -> Response {
    held.shrink_to(text.len());
    let mut response = HeldBytes::new(text, held).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

impl HttpBody for HeldBytes {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let piece = Self::PIECE.min(self.left.len());
        let piece = self.left.split_to(piece);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

impl IntoResponse for HeldBytes {
    fn into_response(self) -> Response {
        Response::new(Body::new(self.map_err(|never| match never {})))
    }
}
