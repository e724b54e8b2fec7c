//! `GET /events` and `GET /events/{topic}/{event_id}`: what is stored.

use std::borrow::Cow;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use event::{EventId, Topic};
use store::events::{Cursor, Page, Query, StoredEvent};

use crate::http::budgeted_body::{json, respond};
use crate::http::byte_budget::{NoRoom, Reserved};
use crate::http::forwarded::Prefix;
use crate::http::limit_hits::Limit;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::query::Raw;
use crate::routes::event_json::{EventRow, EventsAnswer, ListFormat, Shape};
use crate::state::{Api, Shared};
use crate::upstream::reading::in_time;

/// The parameters of a list of events.
const PARAMETERS: [&str; 5] = ["topic", "event_id", "limit", "cursor", "format"];

/// List stored events.
///
/// Of one topic oldest first, in the order of the log; of all topics newest first. A page ends at
/// `limit` or at 4 MiB, or earlier while many answers are being sent; `Link: <…>; rel="next"` leads to the next one,
/// and nothing that was stored when the first page was read is skipped. `Accept: application/x-ndjson` gives one event per line, each a `StoredEvent`.
///
/// With `topic` and `event_id` it is a list of that event, or an empty one: for names that a path can't
/// carry (`.`, `..`). Parameters of other names are refused, unless they begin with `_`.
#[utoipa::path(
    get, path = "/events", tag = "events",
    params(
        ("topic" = Option<String>, Query, description = "Only events of this topic"),
        ("event_id" = Option<String>, Query, description = "Only this event of `topic`"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Events of a page; 100 if absent"),
        ("cursor" = Option<String>, Query, min_length = 1, pattern = "^[A-Za-z0-9_-]+$", description = "From the `Link` header or `next_cursor`, with the same `topic`"),
        ("format" = inline(Option<ListFormat>), Query, description = "`list` (a bare array) or `page` (an object)"),
    ),
    responses(
        (status = 200, description = "The events; with `format=page` an object of `topic`, `count`, `events`, `next_cursor`",
            content((EventsAnswer<'_> = "application/json"), (String = "application/x-ndjson")),
            headers(("Link" = Option<String>, description = "`<…>; rel=\"next\"` while there is more"))),
        (status = 422, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many lists at once", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database can't be read", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(api): State<Shared>,
    prefix: Prefix,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let raw = Raw::of(&uri, &PARAMETERS)?;
    let limit = raw.limit()?;
    let shape = Shape::of(&raw, &headers)?;
    if let Some((topic, event_id)) = raw.one()? {
        let (found, held) = find(&api, topic, event_id).await?;
        let text = shape.write(found.as_slice(), Some(topic), None)?;
        return Ok(respond(text, shape.media_type(), held));
    }
    let query = raw.topic.as_deref().map_or(Query::All, Query::Topic);
    let cursor = raw.cursor.as_deref().map(|text| Cursor::parse(text, query)).transpose();
    let cursor = cursor.map_err(|error| Problem::parameter("cursor", error.to_string()))?;
    let mut held = api.responses.share();
    let page = if raw.topic.as_deref().is_some_and(|topic| Topic::parse(topic).is_err()) {
        // No event can have such a topic, and PostgreSQL takes no NUL.
        Page::default()
    } else {
        in_time(api.store.page(query, cursor, limit, &mut room(&mut held))).await?
    };
    if page.no_room {
        return Err(Problem::Busy(ANSWERS_WAIT));
    }
    let next = page.next.as_ref().map(|cursor| cursor.encode(query));
    let text = shape.write(&page.events, raw.topic.as_deref(), next.as_deref())?;
    drop(page);
    let mut response = respond(text, shape.media_type(), held);
    if let Some(link) = next.and_then(|cursor| next_link(&prefix.path("/events"), &raw, limit, &cursor)) {
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
        (status = 429, description = "Too many answers at once", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database can't be read", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn one(
    State(api): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((topic, event_id)) = path.map_err(|_| Problem::NotFound)?;
    match find(&api, &topic, &event_id).await? {
        (Some(event), held) => Ok(json(StatusCode::OK, &EventRow::from(&event), held)),
        (None, _) => Err(Problem::NoEvent { topic, event_id }),
    }
}

/// One event, and the share of the budget for its answer.
async fn find(api: &Api, topic: &str, event_id: &str) -> Result<(Option<StoredEvent>, Reserved), Problem> {
    let found = match (Topic::parse(topic), EventId::parse(event_id)) {
        (Ok(_), Ok(_)) => in_time(api.store.event(topic, event_id)).await?,
        _ => None,
    };
    let mut held = api.responses.share();
    let bytes = found.as_ref().map_or(0, StoredEvent::text_bytes);
    held.grow_in_time(WITH_ITS_TEXT * bytes).await.map_err(|NoRoom| busy())?;
    Ok((found, held))
}

/// What has been read is held, and its text beside it.
const WITH_ITS_TEXT: usize = 2;

/// Whether there is room for so many bytes more of a page.
pub(super) fn room(held: &mut Reserved) -> impl FnMut(usize) -> bool + Send {
    move |bytes| {
        let room = held.grow(WITH_ITS_TEXT * bytes).is_ok();
        if !room {
            Limit::ResponseBudget.hit();
        }
        room
    }
}

/// There is no room for an answer.
pub(super) fn busy() -> Problem {
    Limit::ResponseBudget.hit();
    Problem::Busy(ANSWERS_WAIT)
}

/// Why there is no room.
pub(super) const ANSWERS_WAIT: &str = "too many bytes of answers wait to be taken by their clients";

/// The `Link` header (RFC 8288) that leads on: the same query with the next cursor.
pub(super) fn next_link(path: &str, raw: &Raw, limit: u32, cursor: &str) -> Option<HeaderValue> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn the_next_link_repeats_the_query() {
        let raw = Raw { topic: Some("a&b c".into()), ..Raw::default() };

        let link = next_link("/events", &raw, 5, "xyz").unwrap();

        assert_eq!(link, "</events?topic=a%26b+c&limit=5&cursor=xyz>; rel=\"next\"");
    }
}
