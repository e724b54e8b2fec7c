//! Everything that has to be refused.

use fake::rand::seq::SliceRandom;
use serde_json::{Value, json};

use super::Size;
use crate::plan::{BatchSizes, Draft, Probe};

const JSON: Option<&str> = Some("application/json");

pub(super) fn bad_input(draft: &mut Draft, size: Size) {
    draft.concurrency(4);
    let topic = draft.topics()[0].clone();
    let mut probes: Vec<Probe> = wrong_fields(&topic);
    probes.extend(wrong_values(&topic));
    probes.extend(wrong_bodies(&topic));
    probes.extend(too_much(&topic));
    probes.extend(wrong_requests(&topic));
    probes.shuffle(draft.maker().rng());
    let events = draft.events(size.events);
    let per_probe = events.len().div_ceil(probes.len().max(1)).max(1);
    let mut good = events.chunks(per_probe);
    for probe in probes {
        draft.probe(probe);
        if let Some(events) = good.next() {
            draft.batches(events, BatchSizes { from: per_probe, to: per_probe });
        }
    }
    for events in good {
        draft.batches(events, BatchSizes { from: per_probe, to: per_probe });
    }
}

/// An event that is right. Its id says that it must never be stored.
fn right(topic: &str) -> Value {
    json!({
        "topic": topic,
        "event_id": "must-not-be-there",
        "timestamp": "2026-01-05T08:00:00Z",
        "source": "bad-input",
        "payload": {},
    })
}

fn with(topic: &str, field: &str, value: Value) -> Value {
    let mut event = right(topic);
    event[field] = value;
    event
}

fn refused(wrong: impl Into<String>, body: impl Into<Vec<u8>>, status: u16) -> Probe {
    Probe {
        wrong: wrong.into(),
        method: "POST",
        path: "/publish".to_owned(),
        content_type: JSON,
        body: body.into(),
        refused_with: vec![status],
    }
}

fn wrong_fields(topic: &str) -> Vec<Probe> {
    let mut probes = Vec::new();
    for field in ["topic", "event_id", "timestamp", "source"] {
        let mut missing = right(topic);
        if let Some(fields) = missing.as_object_mut() {
            fields.remove(field);
        }
        probes.push(refused(format!("{field} missing"), missing.to_string(), 422));
        for (how, value) in [
            ("empty", json!("")),
            ("blank", json!(" \t ")),
            ("null", json!(null)),
            ("a number", json!(7)),
            ("a list", json!(["x"])),
            ("of 256 characters", json!("ü".repeat(256))),
        ] {
            probes.push(refused(format!("{field} {how}"), with(topic, field, value).to_string(), 422));
        }
    }
    probes
}

fn wrong_values(topic: &str) -> Vec<Probe> {
    let mut probes = Vec::new();
    for timestamp in [
        "yesterday",
        "2025-13-01T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2025-10-24",
        "2025-10-24T24:00:01Z",
        "2025-10-24T15:12:60Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
    ] {
        probes.push(refused(
            format!("timestamp {timestamp}"),
            with(topic, "timestamp", json!(timestamp)).to_string(),
            422,
        ));
    }
    for payload in [json!([]), json!(1), json!(null), json!("x"), json!(true)] {
        probes.push(refused(format!("payload {payload}"), with(topic, "payload", payload).to_string(), 422));
    }
    // Spelled by hand: a JSON library would not write most of these.
    let digits = "1".repeat(65);
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for (wrong, payload) in [
        ("NUL in a payload", r#"{"a":"\u0000"}"#.to_owned()),
        ("NUL in a payload's member name", r#"{"\u0000":1}"#.to_owned()),
        ("half a surrogate pair in a payload", r#"{"a":"\ud800"}"#.to_owned()),
        ("1e400", r#"{"a":1e400}"#.to_owned()),
        ("a number of 65 digits", format!(r#"{{"a":{digits}}}"#)),
        ("nesting of 65", format!(r#"{{"a":{}}}"#, nested(64))),
        ("nesting of 10,000", format!(r#"{{"a":{}}}"#, nested(10_000))),
    ] {
        let event = right(topic).to_string().replace("\"payload\":{}", &format!("\"payload\":{payload}"));
        probes.push(refused(wrong, event, 422));
    }
    let nul_in_id = right(topic).to_string().replace("must-not-be-there", r"must-not-be-there\u0000");
    probes.push(refused("NUL in an id", nul_in_id, 422));
    probes
}

fn wrong_bodies(topic: &str) -> Vec<Probe> {
    let event = right(topic).to_string();
    let mut batch = vec![right(topic); 1_000];
    for (number, event) in batch.iter_mut().enumerate() {
        event["event_id"] = json!(format!("must-not-be-there-{number}"));
    }
    batch[637]["source"] = json!("");
    let mut not_utf8 = event.clone().into_bytes();
    let at = event.find("bad-input").unwrap_or(0);
    not_utf8[at] = 0xff;
    vec![
        refused("one bad event in a batch of 1,000", json!(batch).to_string(), 422),
        refused("one bad event in a wrapped batch", json!({ "events": batch }).to_string(), 422),
        refused("an empty body", "", 422),
        refused("an empty batch", "[]", 422),
        refused("an empty wrapped batch", r#"{"events":[]}"#, 422),
        refused("events that are no list", r#"{"events":{}}"#, 422),
        refused("null", "null", 422),
        refused("a number", "1", 422),
        refused("a list of numbers", "[1,2]", 422),
        refused("a body cut off", &event[..event.len() - 1], 422),
        refused("a comma too many", format!("[{event},]"), 422),
        refused("two bodies", format!("{event}{event}"), 422),
        refused("bytes that are no UTF-8", not_utf8, 422),
    ]
}

fn too_much(topic: &str) -> Vec<Probe> {
    let huge = with(topic, "payload", json!({ "a": "x".repeat(1 << 20) })).to_string();
    let tiny = right(topic).to_string();
    let many = format!("[{}]", vec![tiny.as_str(); 10_001].join(","));
    vec![
        refused("an event of more than 1 MiB", huge, 413),
        refused("10,001 events", many, 413),
        refused("a body of 9 MiB", vec![b' '; 9 << 20], 413),
    ]
}

fn wrong_requests(topic: &str) -> Vec<Probe> {
    let ask = |wrong: &str, method: &'static str, path: String, status: u16| Probe {
        wrong: wrong.to_owned(),
        method,
        path,
        content_type: None,
        body: Vec::new(),
        refused_with: vec![status],
    };
    let mut probes = vec![
        Probe { content_type: Some("text/plain"), ..refused("a body of text", right(topic).to_string(), 415) },
        ask("a wrong method", "GET", "/publish".to_owned(), 405),
        ask("a wrong method", "DELETE", "/events".to_owned(), 405),
        ask("a wrong method", "POST", "/stats".to_owned(), 405),
        ask("no such page", "GET", "/nothing".to_owned(), 404),
        ask("no such event", "GET", format!("/events/{topic}/must-not-be-there"), 404),
        ask("a cursor made up", "GET", format!("/events?topic={topic}&cursor=x"), 422),
    ];
    for limit in ["0", "-1", "10001", "x", ""] {
        probes.push(ask(&format!("limit={limit}"), "GET", format!("/events?topic={topic}&limit={limit}"), 422));
    }
    probes
}
