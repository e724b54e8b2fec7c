//! What anybody may send beside a body: headers and parameters are taken or refused by name, and take memory
//! in proportion to their length.

use std::time::Duration;

use allocation_counter::measure;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::IntoResponse;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::body::check_media_type;
use super::forwarded::Prefix;
use super::prefer::Prefer;
use super::problem::Problem;
use super::query::Raw;
use super::trace_context::traceparent;
use crate::config::VerdictConfig;

/// What reading may hold at its peak, for each byte that was sent and beside that.
const HELD_PER_BYTE: u64 = 8;
const HELD_ANYWAY: u64 = 4 * 1024;

const PREFERENCES: [&str; 12] =
    ["wait", "=", "respond-async", ",", ";", "\"", " ", "7", "31", "-1", "Wait=2", "handling=lenient"];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARAMETERS: [&str; 5] = ["topic", "event_id", "limit", "cursor", "format"];

fn measured<T>(length: usize, read: impl FnOnce() -> T) -> Result<T, TestCaseError> {
    let mut given = None;
    let taken = measure(|| given = Some(read()));
    prop_assert!(taken.bytes_max <= HELD_PER_BYTE * length as u64 + HELD_ANYWAY, "{taken:?} for {length} bytes");
    given.ok_or_else(|| TestCaseError::fail("nothing was read"))
}

/// A header's value made of these pieces, and of bytes that have no business there.
fn header(pieces: &'static [&'static str]) -> impl Strategy<Value = HeaderValue> {
    let piece = prop_oneof![
        8 => select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
        1 => (0..2_000_usize).prop_map(|length| vec![b'9'; length]),
    ];
    vec(piece, 0..10)
        .prop_filter_map("no header has such bytes", |pieces| HeaderValue::from_bytes(&pieces.concat()).ok())
}

fn headers(name: &'static str, values: Vec<HeaderValue>) -> HeaderMap {
    values.into_iter().map(|value| (HeaderName::from_static(name), value)).collect()
}

/// A refusal that is the client's to mend, and says of what it speaks.
fn refused_by_name(problem: Problem) -> Result<(), TestCaseError> {
    if let Problem::Invalid(errors) = &problem {
        let text = format!("{errors:?}");
        prop_assert!(PARAMETERS.iter().any(|name| text.contains(name)), "{text}");
    }
    let status = problem.into_response().status();
    prop_assert!(status.is_client_error(), "{status}");
    Ok(())
}

/// Parameters as a form encodes them, known ones above all.
fn parameters() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        8 => select(&PARAMETERS[..]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => any::<String>().prop_map(|name| format!("_{name}")),
    ];
    let value = prop_oneof![
        select(vec!["", "0", "1", "10000", "10001", "+5", "-1", "1e3", "list", "page", "a\0b", "é", "..", "/"])
            .prop_map(str::to_owned),
        any::<String>(),
    ];
    vec((name, value), 0..5)
}

/// A query as somebody may spell it who has no library for it.
fn spelled() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "topic", "limit", "cursor", "event_id", "format", "=", "=", "&", "&", ";", "%", "%00", "%zz", "%C3", "%C3%A9",
        "+", "1", "page", "_", "?", "/", "\"", "[]",
    ]);
    vec(pieces, 0..16).prop_map(|pieces| pieces.concat())
}

/// Whatever the query is, all that can be asked of it is answered or refused.
fn ask(query: &str) -> Result<Raw, Problem> {
    let uri: Uri = format!("/events?{query}").parse().map_err(|_| Problem::NotFound)?;
    let raw = Raw::of(&uri, &PARAMETERS)?;
    raw.limit()?;
    raw.wants_page()?;
    raw.one()?;
    Ok(raw)
}

proptest! {
    #[test]
    fn parameters_that_are_taken_come_back(given in parameters()) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(&given).finish();
        match measured(query.len(), || ask(&query))? {
            Ok(raw) => {
                let read = [&raw.topic, &raw.event_id, &raw.limit, &raw.cursor, &raw.format];
                for (name, read) in PARAMETERS.iter().zip(read) {
                    let sent = given.iter().filter(|(given, _)| given == name).map(|(_, value)| value);
                    prop_assert_eq!(read.iter().collect::<Vec<_>>(), sent.collect::<Vec<_>>());
                }
            }
            Err(problem) => refused_by_name(problem)?,
        }
    }

    #[test]
    fn a_query_is_taken_or_refused_by_name(query in spelled()) {
        if let Err(problem) = measured(query.len(), || ask(&query))? {
            refused_by_name(problem)?;
        }
    }

    #[test]
    fn a_preference_that_is_heeded_is_said_and_would_be_heeded_again(
        values in vec(header(&PREFERENCES), 0..3),
        late in any::<bool>(),
    ) {
        let config = VerdictConfig::default();
        let length = values.iter().map(HeaderValue::len).sum();
        let wait = measured(length, || Prefer::of(&headers("prefer", values)).wait(&config))?;

        prop_assert!(wait.at_most <= config.max_wait);
        if let Some(applied) = wait.applied(late) {
            let again = Prefer::of(&headers("prefer", vec![applied])).wait(&config);
            prop_assert!(again.at_most == wait.at_most || again.at_most == Duration::ZERO);
        }
    }

    #[test]
    fn a_traceparent_is_handed_on_as_it_is_or_not_at_all(
        value in header(&["00", "01", "-", "-", TRACE, "b7ad6b7169203331", "0000000000000000", "F"]),
    ) {
        let length = value.len();
        let sent = headers("traceparent", vec![value.clone()]);
        if let Some(text) = measured(length, || traceparent(&sent))? {
            prop_assert_eq!(text.as_bytes(), value.as_bytes());
            prop_assert_eq!((text.len(), text.split('-').count()), (55, 4));
        }
    }

    #[test]
    fn a_whole_traceparent_is_handed_on(text in "00-[0-9a-f]{31}[1-9a-f]-[1-9a-f][0-9a-f]{15}-[0-9a-f]{2}") {
        let sent = headers("traceparent", vec![HeaderValue::from_str(&text).unwrap()]);
        prop_assert_eq!(traceparent(&sent), Some(text));
    }

    #[test]
    fn a_prefix_is_a_plain_path_or_nothing(
        value in header(&["/", "/", "a", "inbox", ".", "..", "%2e", "%2E", " ", "\\", "\"", ">", "?", "#", "@", ":"]),
    ) {
        let text = value.to_str().unwrap_or_default();
        let path = measured(value.len(), || Prefix::parse(text).path("/events"))?;

        prop_assert!(path.starts_with('/') && !path.starts_with("//") && path.ends_with("/events"), "{path}");
        prop_assert!(path.len() <= 255 + "/events".len());
        prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte)), "{path}");
        let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        prop_assert!(!path.split('/').any(dots), "{path}");
    }

    #[test]
    fn a_plain_path_is_a_prefix(segments in vec("[a-z0-9_~-]{1,12}", 1..6)) {
        let path = format!("/{}", segments.join("/"));
        prop_assert_eq!(Prefix::parse(&path).path(""), path);
    }

    #[test]
    fn a_media_type_is_taken_or_refused_as_such(
        name in select(vec!["content-type", "content-encoding"]),
        value in header(&["application/", "text/", "json", "+json", "JSON", ";", "charset=utf-8", " ", "gzip", "*/*"]),
    ) {
        let length = value.len();
        let sent = headers(name, vec![value]);
        if let Err(problem) = measured(length, || check_media_type(&sent))? {
            prop_assert!(problem.to_string().len() < 1_000);
            prop_assert_eq!(problem.into_response().status(), 415);
        }
    }
}
