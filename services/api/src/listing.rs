//! `GET /events` and `GET /events/{topic}/{event_id}`: what is stored.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query as Pairs, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use event::{EventId, Topic};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use store::events::{Cursor, MAX_PAGE_BYTES, Page, Query, StoredEvent};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::held_bytes::HeldBytes;
use crate::problem::{Problem, ProblemBody};
use crate::query::Raw;
use crate::router::Shared;

/// What may come of a read of the database.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(10);
const NDJSON: &str = "application/x-ndjson";

/// A stored event.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredEvent)]
pub(crate) struct EventRow<'a> {
    #[schema(example = "orders")]
    topic: &'a str,
    #[schema(example = "order-1001")]
    event_id: &'a str,
    /// When it happened, in UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime, example = "2025-10-24T15:12:30Z")]
    timestamp: DateTime<Utc>,
    #[schema(example = "shop-api")]
    source: &'a str,
    #[schema(value_type = Object, example = json!({"amount": 12.5}))]
    payload: &'a RawValue,
    /// Partition of the record in the log that made this row.
    #[schema(example = 3)]
    partition: i32,
    /// Its offset there.
    #[schema(example = 41)]
    offset: i64,
    /// When it was stored, in UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime, example = "2025-10-24T15:12:30.120451Z")]
    stored_at: DateTime<Utc>,
}

/// A page of events, with `?format=page`.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventsPage<'a> {
    /// The topic that was asked for.
    topic: Option<&'a str>,
    /// Events of this page.
    count: usize,
    events: Vec<EventRow<'a>>,
    /// Where to go on, if there is more.
    next_cursor: Option<&'a str>,
}

/// An array of events, or a page.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described only")]
pub(crate) enum EventsAnswer<'a> {
    List(Vec<EventRow<'a>>),
    Page(EventsPage<'a>),
}

impl<'a> From<&'a StoredEvent> for EventRow<'a> {
    fn from(event: &'a StoredEvent) -> EventRow<'a> {
        EventRow {
            topic: &event.topic,
            event_id: &event.event_id,
            timestamp: event.timestamp,
            source: &event.source,
            payload: &event.payload,
            partition: event.partition,
            offset: event.offset,
            stored_at: event.stored_at,
        }
    }
}

/// As it was published where it was in UTC: a fraction only where there is one.
fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// List stored events.
///
/// Of one topic oldest first, in the order of the log; of all topics newest first. A page ends at
/// `limit` or at 4 MiB; `Link: <…>; rel="next"` leads to the next one, and nothing that was stored
/// when the first page was read is skipped. `Accept: application/x-ndjson` gives one event per line.
#[utoipa::path(
    get, path = "/events", tag = "events",
    params(
        ("topic" = Option<String>, Query, description = "Only events of this topic"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Events of a page; 100 if absent"),
        ("cursor" = Option<String>, Query, description = "From the `Link` header or `next_cursor`, with the same `topic`"),
        ("format" = Option<String>, Query, description = "`list` (a bare array) or `page` (an object)"),
    ),
    responses(
        (status = 200, description = "The events; with `format=page` an object of `topic`, `count`, `events`, `next_cursor`",
            content((EventsAnswer<'_> = "application/json"), (EventRow<'_> = "application/x-ndjson")),
            headers(("Link" = Option<String>, description = "`<…>; rel=\"next\"` while there is more"))),
        (status = 422, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many lists at once", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database can't be read", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(api): State<Shared>,
    headers: HeaderMap,
    pairs: Result<Pairs<Raw>, QueryRejection>,
) -> Result<Response, Problem> {
    let raw = Raw::of(pairs)?;
    let limit = raw.limit()?;
    let shape = Shape::of(&raw, &headers)?;
    let query = raw.topic.as_deref().map_or(Query::All, Query::Topic);
    let cursor = raw.cursor.as_deref().map(|text| Cursor::parse(text, query)).transpose();
    let cursor = cursor.map_err(|error| Problem::parameter("cursor", error.to_string()))?;
    // A page, and its text beside it.
    let held = api.responses.take(2 * MAX_PAGE_BYTES).await;
    let mut held = held.map_err(|_| Problem::Busy("too many lists are being built"))?;
    let page = if raw.topic.as_deref().is_some_and(|topic| Topic::parse(topic).is_err()) {
        // No event can have such a topic, and PostgreSQL takes no NUL.
        Page::default()
    } else {
        within(READ_TIMEOUT, api.store.page(query, cursor, limit)).await?
    };
    let next = page.next.as_ref().map(|cursor| cursor.encode(query));
    let text = shape.write(&page.events, raw.topic.as_deref(), next.as_deref())?;
    drop(page);
    held.shrink_to(text.len());
    let mut response = HeldBytes::new(text, held).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(shape.media_type()));
    if let Some(link) = next.and_then(|cursor| next_link("/events", &raw, limit, &cursor)) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Read one event.
#[utoipa::path(
    get, path = "/events/{topic}/{event_id}", tag = "events",
    params(("topic" = String, Path, example = "orders"), ("event_id" = String, Path, example = "order-1001")),
    responses(
        (status = 200, description = "The event", body = EventRow<'_>),
        (status = 404, description = "Not stored, or not yet", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database can't be read", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(
    State(api): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((topic, event_id)) = path.map_err(|_| Problem::NotFound)?;
    let found = match (Topic::parse(&topic), EventId::parse(&event_id)) {
        (Ok(_), Ok(_)) => within(READ_TIMEOUT, api.store.event(&topic, &event_id)).await?,
        _ => None,
    };
    match found {
        Some(event) => Ok(axum::Json(EventRow::from(&event)).into_response()),
        None => Err(Problem::NoEvent { topic, event_id }),
    }
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A bare array.
    List,
    /// An object, with the next cursor inside.
    Page,
    /// One event per line.
    Lines,
}

impl Shape {
    fn of(raw: &Raw, headers: &HeaderMap) -> Result<Shape, Problem> {
        let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let lines = accepts
            .flat_map(|text| text.split(','))
            .any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(NDJSON));
        match (raw.wants_page()?, lines) {
            (true, _) => Ok(Shape::Page),
            (false, true) => Ok(Shape::Lines),
            (false, false) => Ok(Shape::List),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Shape::List | Shape::Page => "application/json",
            Shape::Lines => NDJSON,
        }
    }

    fn write(self, events: &[StoredEvent], topic: Option<&str>, next: Option<&str>) -> Result<Vec<u8>, Problem> {
        let rows = events.iter().map(EventRow::from);
        let written = match self {
            Shape::List => serde_json::to_vec(&rows.collect::<Vec<_>>()),
            Shape::Page => serde_json::to_vec(&EventsPage {
                topic,
                count: events.len(),
                events: rows.collect(),
                next_cursor: next,
            }),
            Shape::Lines => rows.map(|row| serde_json::to_vec(&row)).try_fold(Vec::new(), |mut lines, line| {
                lines.extend_from_slice(&line?);
                lines.push(b'\n');
                Ok(lines)
            }),
        };
        written.map_err(|error| {
            tracing::error!(%error, "a list can't be written");
            Problem::Internal
        })
    }
}

/// The `Link` header (RFC 8288) that leads on: the same query with the next cursor.
pub(crate) fn next_link(path: &str, raw: &Raw, limit: u32, cursor: &str) -> Option<HeaderValue> {
    let limit = limit.to_string();
    let pairs = [
        ("topic", raw.topic.as_deref().map(Cow::Borrowed)),
        ("limit", Some(Cow::Borrowed(limit.as_str()))),
        ("format", raw.format.as_deref().map(Cow::Borrowed)),
        ("cursor", Some(Cow::Borrowed(cursor))),
    ];
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value))));
    HeaderValue::from_str(&format!("<{path}?{}>; rel=\"next\"", query.finish())).ok()
}

/// A read of the database that ends in time.
pub(crate) async fn within<T>(
    limit: Duration,
    read: impl Future<Output = Result<T, store::StoreError>>,
) -> Result<T, Problem> {
    match timeout(limit, read).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Problem::StoreUnavailable),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::{Value, json};

    use super::*;

    fn stored(event_id: &str) -> StoredEvent {
        StoredEvent {
            topic: "orders".into(),
            event_id: event_id.into(),
            timestamp: "2025-10-24T15:12:30Z".parse().unwrap(),
            source: "shop".into(),
            payload: RawValue::from_string(r#"{"amount": 12.50}"#.into()).unwrap(),
            log_id: 1,
            partition: 3,
            offset: 41,
            stored_at: "2025-10-24T15:12:30.120451Z".parse().unwrap(),
        }
    }

    fn written(shape: Shape) -> String {
        let text = shape.write(&[stored("1"), stored("2")], Some("orders"), Some("next")).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn accepting(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(text))])
    }

    #[test]
    fn an_event_comes_back_as_it_went_in() {
        let text = written(Shape::List);

        assert!(text.contains(r#""timestamp":"2025-10-24T15:12:30Z""#), "{text}");
        assert!(text.contains(r#""stored_at":"2025-10-24T15:12:30.120451Z""#), "{text}");
        assert!(text.contains(r#""payload":{"amount": 12.50}"#), "{text}");
    }

    #[test]
    fn a_list_is_a_bare_array_and_a_page_an_object() {
        let list: Value = serde_json::from_str(&written(Shape::List)).unwrap();
        let page: Value = serde_json::from_str(&written(Shape::Page)).unwrap();

        assert_eq!(list.as_array().unwrap().len(), 2);
        assert_eq!(
            (&page["topic"], &page["count"], &page["next_cursor"]),
            (&json!("orders"), &json!(2), &json!("next"))
        );
        assert_eq!(page["events"], list);
    }

    #[test]
    fn lines_hold_one_event_each() {
        let text = written(Shape::Lines);

        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["topic"] == "orders"));
    }

    #[test]
    fn the_accept_header_asks_for_lines() {
        let raw = Raw::default();

        assert_eq!(Shape::of(&raw, &HeaderMap::new()).unwrap(), Shape::List);
        assert_eq!(Shape::of(&raw, &accepting("*/*")).unwrap(), Shape::List);
        assert_eq!(Shape::of(&raw, &accepting("application/x-ndjson; q=0.9, */*")).unwrap(), Shape::Lines);
    }

    #[test]
    fn the_next_link_repeats_the_query() {
        let raw = Raw { topic: Some("a&b c".into()), ..Raw::default() };

        let link = next_link("/events", &raw, 5, "xyz").unwrap();

        assert_eq!(link, "</events?topic=a%26b+c&limit=5&cursor=xyz>; rel=\"next\"");
    }
}
