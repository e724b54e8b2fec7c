//! What the API answers when it does not do what was asked (RFC 9457).
//!
//! The policy:
//! - A problem says what the *caller* can do; what only we can do is in the log, under the request's id.
//! - All or nothing: a problem in answer to `POST /publish` means that no event of the request was
//!   promised. Whether some were kept all the same is said where it may be so ([`Problem::NotKept`],
//!   [`Problem::Unanswered`]): repeating with the same event ids is always safe.
//! - 4xx: the same request will fail again, except 408 and 429. 429 and 503 carry `Retry-After`.
//! - A cause inside (the database's error text) is logged, never answered.

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::byte_budget::Reserved;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// Correct what `errors` point to.
    #[error("the request has {}; nothing of it was taken", counted(.0.len(), "error"))]
    Invalid(Vec<ErrorItem>),
    /// Send less at once.
    #[error("{0}; nothing of it was taken")]
    TooLarge(String),
    /// Send JSON.
    #[error("the body must be plain JSON, Content-Type: application/json; it is {0:?}")]
    UnsupportedMediaType(String),
    /// Look at `/docs`.
    #[error("there is nothing here; /docs lists what there is")]
    NotFound,
    /// The key has no event, or not yet.
    #[error("no event of topic {topic:?} with event_id {event_id:?} is stored")]
    NoEvent { topic: String, event_id: String },
    /// Use a method of the `Allow` header.
    #[error("this method is not possible here; the Allow header lists those that are")]
    MethodNotAllowed,
    /// Send faster, or less at once.
    #[error("the body {0}; nothing of it was taken")]
    BodyTimeout(String),
    /// The connection broke or the body breaks the protocol.
    #[error("the body can't be read: {0}; nothing of it was taken")]
    BodyBroken(String),
    /// Repeat later.
    #[error("{0}; nothing was taken, repeat later")]
    Busy(&'static str),
    /// Repeat the whole request with the same event ids.
    #[error(
        "not all events were kept: {kept} kept, {not_kept} not kept, {unknown} unknown; \
         repeat the whole request with the same event ids"
    )]
    NotKept {
        kept: usize,
        not_kept: usize,
        unknown: usize,
        events: Vec<RecordState>,
        /// Of the budget of all bodies, until the client has taken the answer.
        held: Reserved,
    },
    /// Repeat later; an operator has to look if it lasts.
    #[error("events can't be taken now: {0}")]
    LogNotReady(String),
    /// Repeat later.
    #[error("the database can't be read now; publishing goes on")]
    StoreUnavailable,
    /// Repeat in a moment.
    #[error("the broker has not said yet where the log ends, so what is pending is not known; repeat in a moment")]
    LogEndUnknown,
    /// Repeat with the same event ids.
    #[error("no answer in time; whether the events were kept is unknown: repeat with the same event ids")]
    Unanswered,
    /// A bug of ours.
    #[error("something is wrong with the server; its log has more under this request's id")]
    Internal,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Fault)]
pub(crate) struct ErrorItem {
    /// JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/events/3/timestamp")]
    pointer: Option<String>,
    /// Name of a parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'static str>,
    /// What is wrong there.
    #[schema(example = "is missing")]
    detail: String,
}

/// What is known about an event of a request that was not kept as a whole.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RecordState {
    #[schema(example = "orders")]
    pub(crate) topic: String,
    #[schema(example = "order-1001")]
    pub(crate) event_id: String,
    pub(crate) state: State,
    /// What the log's client said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Whether the log has an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RecordStateName)]
pub(crate) enum State {
    /// It has.
    Kept,
    /// It has not.
    NotKept,
    /// It may have.
    Unknown,
}

/// An answer of type `application/problem+json` (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Names the kind of problem; stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:oncelog:problem:invalid-request")]
    kind: String,
    /// The kind in words.
    #[schema(example = "The request is invalid")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened and what the caller can do.
    detail: String,
    /// Each fault of an invalid request, at most 100 and their number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
    /// Each event of a publish request of which not all were kept, in the order of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<RecordState>,
}

impl Problem {
    /// The one place that knows which problem is which status, and what it is called.
    fn face(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Problem::Invalid(_) => (S::UNPROCESSABLE_ENTITY, "invalid-request", "The request is invalid"),
            Problem::TooLarge(_) => (S::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
            Problem::UnsupportedMediaType(_) => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body is not JSON")
            }
            Problem::NotFound => (S::NOT_FOUND, "not-found", "There is no such resource"),
            Problem::NoEvent { .. } => (S::NOT_FOUND, "no-such-event", "There is no such event"),
            Problem::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not possible here")
            }
            Problem::BodyTimeout(_) => (S::REQUEST_TIMEOUT, "body-timeout", "The body took too long"),
            Problem::BodyBroken(_) => (S::BAD_REQUEST, "body-broken", "The body broke off"),
            Problem::Busy(_) => (S::TOO_MANY_REQUESTS, "busy", "Too much at once"),
            Problem::NotKept { .. } => (S::SERVICE_UNAVAILABLE, "not-kept", "Not all events were kept"),
            Problem::LogNotReady(_) => (S::SERVICE_UNAVAILABLE, "log-not-ready", "The log is not ready"),
            Problem::StoreUnavailable => {
                (S::SERVICE_UNAVAILABLE, "database-unavailable", "The database is not available")
            }
            Problem::LogEndUnknown => (S::SERVICE_UNAVAILABLE, "log-end-unknown", "The log's end is not known yet"),
            Problem::Unanswered => (S::SERVICE_UNAVAILABLE, "unanswered", "No answer in time"),
            Problem::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
        }
    }

    /// An error in one parameter of the query.
    pub(crate) fn parameter(parameter: &'static str, detail: impl Into<String>) -> Problem {
        Problem::Invalid(vec![ErrorItem { pointer: None, parameter: Some(parameter), detail: detail.into() }])
    }

    /// An error in the query that no parameter's name can be given for.
    pub(crate) fn query(detail: impl Into<String>) -> Problem {
        Problem::Invalid(vec![ErrorItem { pointer: None, parameter: None, detail: detail.into() }])
    }
}

impl From<event::BodyError> for Problem {
    fn from(error: event::BodyError) -> Problem {
        match error {
            event::BodyError::Invalid(errors) => Problem::Invalid(errors.into_iter().map(ErrorItem::from).collect()),
            event::BodyError::TooManyEvents { .. } | event::BodyError::EventTooLarge { .. } => {
                Problem::TooLarge(error.to_string())
            }
        }
    }
}

impl From<event::FieldError> for ErrorItem {
    fn from(error: event::FieldError) -> ErrorItem {
        ErrorItem { pointer: Some(error.pointer), parameter: None, detail: error.detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, kind, title) = self.face();
        let detail = self.to_string();
        let (errors, events, held) = match self {
            Problem::Invalid(errors) => (errors, Vec::new(), None),
            Problem::NotKept { events, held, .. } => (Vec::new(), events, Some(held)),
            _ => (Vec::new(), Vec::new(), None),
        };
        let kind = format!("urn:oncelog:problem:{kind}");
        let body = ProblemBody { kind, title, status: status.as_u16(), detail, errors, events };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let bytes = match held {
            Some(held) => held.into_bytes(text),
            None => Bytes::from(text),
        };
        let mut response = (status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod reviewed;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::byte_budget::ByteBudget;

    async fn answer(problem: Problem) -> (StatusCode, Option<String>, Value) {
        let response = problem.into_response();
        let status = response.status();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let retry = response.headers().get(header::RETRY_AFTER).map(|v| v.to_str().unwrap().to_owned());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, retry, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn an_invalid_body_names_each_fault_by_pointer() {
        let error = event::body::parse(br#"[{"topic":"orders"}]"#, 10).unwrap_err();

        let (status, retry, body) = answer(error.into()).await;

        assert_eq!((status.as_u16(), retry), (422, None));
        assert_eq!(body["type"], "urn:oncelog:problem:invalid-request");
        assert_eq!(body["status"], 422);
        let pointers: Vec<_> = body["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
        assert!(pointers.contains(&&json!("/0/event_id")), "{body}");
    }

    #[tokio::test]
    async fn too_many_events_are_too_large() {
        let error = event::body::parse(b"[1,2,3]", 2).unwrap_err();

        assert_eq!(answer(error.into()).await.0.as_u16(), 413);
    }

    #[tokio::test]
    async fn what_may_succeed_later_says_when_to_retry() {
        for problem in [Problem::Busy("full"), Problem::StoreUnavailable, Problem::LogEndUnknown, Problem::Unanswered] {
            assert_eq!(answer(problem).await.1.as_deref(), Some("1"));
        }
    }

    #[tokio::test]
    async fn a_request_that_was_not_kept_tells_the_state_of_each_event() {
        let events = vec![RecordState {
            topic: "orders".into(),
            event_id: "1".into(),
            state: State::NotKept,
            reason: Some("no leader".into()),
        }];

        let held = ByteBudget::impatient(0).share();
        let (status, _, body) = answer(Problem::NotKept { kept: 0, not_kept: 1, unknown: 0, events, held }).await;

        assert_eq!(status.as_u16(), 503);
        assert_eq!(body["events"][0]["state"], "not_kept");
        assert!(body["detail"].as_str().unwrap().contains("same event ids"));
    }
}
