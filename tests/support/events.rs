//! Events to publish.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub(crate) const TIMESTAMP: &str = "2025-10-24T15:12:30Z";

/// An event whose payload says which one it is.
pub(crate) fn event(topic: &str, event_id: impl Display) -> Value {
    let event_id = event_id.to_string();
    let payload = json!({ "of": event_id });
    event_with(topic, event_id, payload)
}

/// An event with this payload.
pub(crate) fn event_with(topic: &str, event_id: impl Display, payload: Value) -> Value {
    json!({
        "topic": topic,
        "event_id": event_id.to_string(),
        "timestamp": TIMESTAMP,
        "source": "test",
        "payload": payload,
    })
}

/// One event per number.
pub(crate) fn events(topic: &str, numbers: impl IntoIterator<Item = usize>) -> Vec<Value> {
    numbers.into_iter().map(|number| event(topic, number)).collect()
}

/// The bytes that stand for an event on the topic.
pub(crate) fn wire(event: &Value) -> Vec<u8> {
    event.to_string().into_bytes()
}

/// A name that no other test, and no other run, uses.
pub(crate) fn unique(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{prefix}_{:x}_{}_{count}", since.as_micros(), std::process::id())
}
