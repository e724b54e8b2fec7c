//! Whatever passes the checks, PostgreSQL stores and gives back equal: random events, over HTTP.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::support::App;
use crate::support::counters::balanced;
use crate::support::events::unique;

const CASES: u32 = 24;

/// Characters that have caused trouble somewhere, among all others. Never U+0000.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        4 => any::<char>().prop_filter("refused, and tested elsewhere", |c| *c != '\0'),
        2 => prop::char::range(' ', '~'),
        1 => prop::sample::select(vec![
            '\u{1}', '\u{1f}', '\u{7f}', '\u{80}', '\u{ad}', '\u{200b}', '\u{2028}', '\u{feff}',
            '\u{fffd}', '\u{fffe}', '\u{ffff}', '\u{10ffff}', '\u{d7ff}', '\u{e000}', '"', '\\',
            '\'', '$', '%', '\r', '\n', '\t',
        ]),
    ]
}

fn text(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = String> {
    prop::collection::vec(character(), length).prop_map(|chars| chars.into_iter().collect())
}

fn name() -> impl Strategy<Value = String> {
    text(1..=255).prop_filter("blank", |name| !name.trim().is_empty())
}

/// A number as text: up to 64 digits, with or without fraction and exponent.
fn number() -> impl Strategy<Value = String> {
    let whole = prop_oneof![Just("0".to_owned()), "[1-9][0-9]{0,30}"];
    let fraction = prop_oneof![Just(String::new()), "\\.[0-9]{1,30}"];
    let exponent = prop_oneof![
        3 => Just(String::new()),
        1 => (-308_i32..=308).prop_map(|e| format!("e{e}")),
        1 => (0_i32..=308).prop_map(|e| format!("E+{e}")),
    ];
    ("-?", whole, fraction, exponent).prop_map(|(a, b, c, d)| format!("{a}{b}{c}{d}"))
}

/// A string as JSON, its characters escaped in one way or another.
fn json_string() -> impl Strategy<Value = String> {
    (text(0..12), any::<bool>()).prop_map(|(text, escape_all)| {
        if !escape_all {
            return json!(text).to_string();
        }
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    })
}

fn json_value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        prop::sample::select(vec!["null", "true", "false", "[]", "{}"]).prop_map(str::to_owned),
        number(),
        json_string(),
    ];
    scalar.prop_recursive(8, 48, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[ {} ]", items.join(" ,\n"))),
            object(inner),
        ]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    // Names may repeat; the last one counts.
    prop::collection::vec((json_string(), value), 0..5).prop_map(|members| {
        let members = members.iter().map(|(name, value)| format!("{name} : {value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    })
}

fn timestamp() -> impl Strategy<Value = String> {
    let date = (1_i32..=9999, 1_u32..=12, 1_u32..=28);
    let time = (0_u32..24, 0_u32..60, 0_u32..60);
    let fraction = prop_oneof![Just(String::new()), "\\.[0-9]{1,6}"];
    let zone = prop_oneof![
        Just("Z".to_owned()),
        Just(String::new()),
        (0_u32..=14, 0_u32..60, prop::sample::select(vec!['+', '-']))
            .prop_map(|(h, m, sign)| format!("{sign}{h:02}:{m:02}")),
    ];
    (date, time, fraction, zone).prop_map(|(d, t, fraction, zone)| {
        format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{zone}", d.0, d.1, d.2, t.0, t.1, t.2)
    })
}

#[derive(Clone, Debug)]
struct Sent {
    topic: String,
    source: String,
    timestamp: String,
    payload: String,
}

fn sent() -> impl Strategy<Value = Sent> {
    let payload = object(json_value());
    (name(), name(), timestamp(), payload).prop_map(|(topic, source, timestamp, payload)| Sent {
        topic,
        source,
        timestamp,
        payload,
    })
}

impl Sent {
    fn text(&self, event_id: &str) -> String {
        format!(
            r#"{{"topic":{},"event_id":{},"source":{},"timestamp":{},"payload":{}}}"#,
            json!(self.topic),
            json!(event_id),
            json!(self.source),
            json!(self.timestamp),
            self.payload
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_accepted_is_stored_and_comes_back_equal() {
    let app = App::start().await;
    let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let (app_ref, handle) = (&app, Handle::current());

    let found = block_in_place(|| {
        let strategy = prop::collection::vec(sent(), 1..25);
        TestRunner::new(config).run(&strategy, |batch| handle.block_on(comes_back_equal(app_ref, &batch)))
    });

    match found {
        Ok(()) => {}
        Err(TestError::Fail(reason, batch)) => panic!("{reason}: {batch:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    let counters = balanced(&app).await;
    assert_eq!((counters.dead_letters, counters.conflicts), (0, 0));
}

/// Each event alone is accepted or refused; what is accepted is stored and equal.
async fn comes_back_equal(app: &App, batch: &[Sent]) -> Result<(), TestCaseError> {
    let run = unique("id");
    for (index, sent) in batch.iter().enumerate() {
        let event_id = format!("{run}-{index}-🎉");
        let answer = app.client.publish_text(sent.text(&event_id)).await;
        if answer.status == 422 {
            // Near the ends of time a zone may lead out of it, and 61 digits may become 65.
            prop_assert!(!answer.pointers().is_empty());
            continue;
        }
        prop_assert_eq!(answer.status, 200, "{}", answer.text);
        prop_assert_eq!(answer.outcomes(), ["stored"]);
        // By the list: a topic named "." has no path of its own.
        let list = app.client.list("/events", &[("topic", &sent.topic), ("limit", "10000")]).await;
        let rows: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(&list.text).unwrap();
        let id = json!(event_id);
        let row = rows.iter().find(|row| member(row, "event_id") == id);
        let row = row.ok_or_else(|| TestCaseError::fail("not in the list"))?;
        prop_assert_eq!(member(row, "topic"), json!(sent.topic));
        prop_assert_eq!(member(row, "source"), json!(sent.source));
        let same = app.database.same_json(row["payload"].get(), &sent.payload).await;
        prop_assert!(same, "{} came back as {}", sent.payload, row["payload"].get());
        let told = member(row, "timestamp");
        let (told, expected) = (instant(told.as_str().unwrap()), instant(&sent.timestamp));
        prop_assert_eq!(told, expected);
    }
    Ok(())
}

fn member(row: &BTreeMap<String, Box<RawValue>>, name: &str) -> Value {
    serde_json::from_str(row[name].get()).unwrap()
}

/// Without a zone it is UTC.
fn instant(text: &str) -> chrono::DateTime<chrono::FixedOffset> {
    let parse = chrono::DateTime::parse_from_rfc3339;
    parse(text).or_else(|_| parse(&format!("{text}Z"))).unwrap()
}
