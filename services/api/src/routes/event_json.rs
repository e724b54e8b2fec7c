//! Stored events as JSON: an array, a page, or lines.

use axum::http::{HeaderMap, header};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use store::events::StoredEvent;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::query::Raw;

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

/// What `format` may be.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "described only")]
pub(crate) enum ListFormat {
    List,
    Page,
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

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A bare array.
    List,
    /// An object, with the next cursor inside.
    Page,
    /// One event per line.
    Lines,
}

impl Shape {
    pub(crate) fn of(raw: &Raw, headers: &HeaderMap) -> Result<Shape, Problem> {
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

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Shape::List | Shape::Page => "application/json",
            Shape::Lines => NDJSON,
        }
    }

    pub(crate) fn write(
        self,
        events: &[StoredEvent],
        topic: Option<&str>,
        next: Option<&str>,
    ) -> Result<Vec<u8>, Problem> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use axum::http::HeaderValue;
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
}
