//! `GET /topics`: the counters of each event topic.

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use serde::Serialize;
use store::events::TopicsCursor;
use utoipa::ToSchema;

use crate::http::budgeted_body::json;
use crate::http::forwarded::Prefix;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::query::Raw;
use crate::routes::listing::{ANSWERS_WAIT, next_link, room};
use crate::state::Shared;
use crate::upstream::reading::in_time;

/// The counters of one event topic.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopicRow {
    #[schema(example = "orders")]
    topic: String,
    /// Events in the table.
    #[schema(example = 700)]
    stored: i64,
    /// Records that repeated one of them.
    #[schema(example = 299)]
    duplicates: i64,
    /// Records that bore the id of one of them but another payload.
    #[schema(example = 1)]
    conflicts: i64,
}

/// List event topics with their counters, by name.
///
/// A page ends at `limit` or at 4 MiB, or earlier while many answers are being sent.
#[utoipa::path(
    get, path = "/topics", tag = "statistics",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Topics of a page; 100 if absent"),
        ("cursor" = Option<String>, Query, min_length = 1, pattern = "^[A-Za-z0-9_-]+$", description = "From the `Link` header"),
    ),
    responses(
        (status = 200, description = "The topics", body = Vec<TopicRow>,
            headers(("Link" = Option<String>, description = "`<…>; rel=\"next\"` while there is more"))),
        (status = 422, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many lists at once", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database can't be read", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn topics(State(api): State<Shared>, prefix: Prefix, uri: Uri) -> Result<Response, Problem> {
    let raw = Raw::of(&uri, &["limit", "cursor"])?;
    let limit = raw.limit()?;
    let cursor = raw.cursor.as_deref().map(TopicsCursor::parse).transpose();
    let cursor = cursor.map_err(|error| Problem::parameter("cursor", error.to_string()))?;
    let mut held = api.responses.share();
    let page = in_time(api.store.topics(cursor.as_ref(), limit, &mut room(&mut held))).await?;
    if page.no_room {
        return Err(Problem::Busy(ANSWERS_WAIT));
    }
    let rows: Vec<TopicRow> = page
        .topics
        .into_iter()
        .map(|row| TopicRow {
            topic: row.topic,
            stored: row.stored,
            duplicates: row.duplicates,
            conflicts: row.conflicts,
        })
        .collect();
    let mut response = json(StatusCode::OK, &rows, held);
    if let Some(link) = page.next.and_then(|cursor| next_link(&prefix.path("/topics"), &raw, limit, &cursor.encode())) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
