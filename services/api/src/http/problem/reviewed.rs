//! Each problem as a caller sees it: status, headers and body, a file each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write;

use http_body_util::BodyExt;
use serde_json::Value;

use super::*;
use crate::http::byte_budget::ByteBudget;

/// One problem of each variant. A variant that is not among them does not compile.
macro_rules! one_of_each {
    ($($variant:ident => $problem:expr,)+) => {{
        let _ = |problem: &Problem| match problem { $(Problem::$variant { .. } => {}),+ };
        [$($problem),+]
    }};
}

fn problems() -> impl IntoIterator<Item = Problem> {
    one_of_each! {
        Invalid => Problem::Invalid(errors()),
        TooLarge => Problem::TooLarge("there are more than 10000 events".to_owned()),
        UnsupportedMediaType => Problem::UnsupportedMediaType("text/plain".to_owned()),
        NotFound => Problem::NotFound,
        NoEvent => Problem::NoEvent { topic: "orders".to_owned(), event_id: "order-1001".to_owned() },
        MethodNotAllowed => Problem::MethodNotAllowed,
        BodyTimeout => Problem::BodyTimeout("did not arrive within 30 s".to_owned()),
        BodyBroken => Problem::BodyBroken("connection reset".to_owned()),
        Busy => Problem::Busy("the queue is full"),
        NotKept => Problem::NotKept { kept: 1, not_kept: 1, unknown: 1, events: events(), held: held() },
        LogNotReady => Problem::LogNotReady("the broker has not answered yet".to_owned()),
        StoreUnavailable => Problem::StoreUnavailable,
        LogEndUnknown => Problem::LogEndUnknown,
        Unanswered => Problem::Unanswered,
        Internal => Problem::Internal,
    }
}

fn held() -> Reserved {
    ByteBudget::impatient(0).share()
}

/// One of each kind: in the body, in a parameter of the query, and in the query as a whole.
fn errors() -> Vec<ErrorItem> {
    let in_body = event::FieldError { pointer: "/events/3/timestamp".to_owned(), detail: "is missing".to_owned() };
    let others = [Problem::parameter("limit", "must be a number"), Problem::query("is not text")];
    let others = others.into_iter().filter_map(|problem| match problem {
        Problem::Invalid(errors) => Some(errors),
        _ => None,
    });
    std::iter::once(in_body.into()).chain(others.flatten()).collect()
}

/// One in each state.
fn events() -> Vec<RecordState> {
    let event = |event_id: &str, state, reason: Option<&str>| RecordState {
        topic: "orders".to_owned(),
        event_id: event_id.to_owned(),
        state,
        reason: reason.map(str::to_owned),
    };
    vec![
        event("order-1001", State::Kept, None),
        event("order-1002", State::NotKept, Some("no leader")),
        event("order-1003", State::Unknown, Some("timed out")),
    ]
}

/// The last word of its type, and the whole answer.
async fn answer(problem: Problem) -> (String, String) {
    let (head, body) = problem.into_response().into_parts();
    let body: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    let mut text = format!("{}\n", head.status);
    let mut headers: Vec<_> = head.headers.iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    write!(text, "\n{body:#}").unwrap();
    let kind = body["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    (kind, text)
}

#[tokio::test]
async fn every_problem_is_as_reviewed() {
    for problem in problems() {
        let (kind, text) = answer(problem).await;
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(kind, text);
        });
    }
}
