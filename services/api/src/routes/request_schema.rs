//! What `POST /publish` takes, as the API's description shows it. The event crate is what reads it.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One event, an array of events, or an object with events; 1 to 10,000 of them, at most 8 MiB.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Publish)]
#[expect(dead_code, reason = "described only")]
pub(crate) enum PublishBody {
    /// One event.
    One(EventBody),
    /// An array of events.
    Many(Vec<EventBody>),
    /// An object with events.
    Batch(BatchBody),
}

/// An object with events.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
pub(crate) struct BatchBody {
    #[schema(min_items = 1, max_items = 10_000)]
    events: Vec<EventBody>,
}

/// An event as it is published. Members of other names are ignored and not kept.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// What it is about; not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$", example = "orders")]
    topic: String,
    /// Its id within the topic; not blank. The same topic and id again is a duplicate.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$", example = "order-1001")]
    event_id: String,
    /// When it happened: ISO 8601 date and time, years 0001 to 9999; without a zone it is UTC.
    #[schema(format = DateTime, example = "2025-10-24T15:12:30Z")]
    timestamp: String,
    /// Who published it; not blank.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$", example = "shop-api")]
    source: String,
    /// Any JSON object; `{}` if absent. Numbers have at most 64 digits and exponents within ±308;
    /// at most 64 levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false, example = json!({"amount": 12.5}))]
    payload: Option<Box<RawValue>>,
}
