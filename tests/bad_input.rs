//! Bad input is refused with a problem that points to each fault, and nothing of it is kept.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::events::TIMESTAMP;
use crate::support::{App, event, events};

/// Nothing was appended by whatever was sent before.
async fn nothing_was_kept(app: &App) {
    assert_eq!(app.log.length().await, 0, "records on the topic");
    assert_eq!(app.stats().await["received"], 0);
    assert_eq!(app.client.get("/events").await.expect(200).json(), json!([]));
}

async fn app() -> App {
    App::setup().consumers(0).start().await
}

/// A good event, with one member replaced, or taken away by `None`.
fn but(member: &str, value: Option<Value>) -> Value {
    let mut event = event("orders", 1);
    match value {
        Some(value) => event[member] = value,
        None => drop(event.as_object_mut().unwrap().remove(member)),
    }
    event
}

#[track_caller]
fn refused_at(answer: Answer, pointers: &[&str]) {
    let answer = answer.expect_problem(422);
    assert_eq!(answer.pointers(), pointers, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_missing_blank_too_long_or_no_string_is_named() {
    let app = app().await;
    for member in ["topic", "event_id", "source"] {
        let wrong = [
            None,
            Some(json!("")),
            Some(json!(" \t\n")),
            Some(json!("x".repeat(256))),
            Some(json!("é".repeat(256))),
            Some(json!("a\u{0}b")),
            Some(json!(7)),
            Some(json!(null)),
            Some(json!(true)),
            Some(json!(["a"])),
            Some(json!({})),
        ];
        for value in wrong {
            let answer = app.client.publish(&but(member, value)).await;
            refused_at(answer, &[&format!("/{member}")]);
        }
    }
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_255_characters_is_taken() {
    let app = app().await;
    for name in ["x".repeat(255), "é".repeat(255), "🎉".repeat(255)] {
        for member in ["topic", "event_id", "source"] {
            app.client.publish(&but(member, Some(json!(name)))).await.expect(202);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_must_be_a_date_and_time_that_exists() {
    let app = app().await;
    let wrong = [
        json!(""),
        json!("yesterday"),
        json!("2025-10-24"),
        json!("2025-02-30T00:00:00Z"),
        json!("2025-13-01T00:00:00Z"),
        json!("2025-10-24T24:00:01Z"),
        json!("2025-10-24T15:60:00Z"),
        json!("2025-10-24T15:12:60Z"),
        json!("2025-10-24T15:12:30+99:00"),
        json!("0000-01-01T00:00:00Z"),
        json!("10000-01-01T00:00:00Z"),
        json!("+10000-01-01T00:00:00Z"),
        json!("0001-01-01T00:00:00+14:00"),
        json!("9999-12-31T23:59:59-01:00"),
        json!(1_761_318_750),
        json!(null),
        json!({}),
    ];
    for value in wrong {
        let answer = app.client.publish(&but("timestamp", Some(value))).await;
        refused_at(answer, &["/timestamp"]);
    }
    refused_at(app.client.publish(&but("timestamp", None)).await, &["/timestamp"]);
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_must_be_an_object() {
    let app = app().await;
    for value in [json!([]), json!(1), json!(null), json!("{}"), json!(true)] {
        let answer = app.client.publish(&but("payload", Some(value))).await;
        refused_at(answer, &["/payload"]);
    }
    nothing_was_kept(&app).await;
}

/// An event whose payload is this text, which may be JSON that no library would write.
fn with_payload(payload: &str) -> String {
    format!(r#"{{"topic":"t","event_id":"1","source":"s","timestamp":"{TIMESTAMP}","payload":{payload}}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgresql_can_not_hold_is_refused_where_it_lies() {
    let app = app().await;
    let digits_65 = "1".repeat(65);
    let fraction_65 = format!("0.{}", "1".repeat(65));
    let cases = [
        (r#"{"a":"\u0000"}"#, "/payload/a"),
        (r#"{"a":["x",{"b/c":"\u0000"}]}"#, "/payload/a/1/b~1c"),
        (r#"{"a":"\ud800"}"#, "/payload/a"),
        (r#"{"a":"\udc00\ud800"}"#, "/payload/a"),
        (r#"{"a":1e400}"#, "/payload/a"),
        (r#"{"a":-1e400}"#, "/payload/a"),
        (r#"{"a":1e-400}"#, "/payload/a"),
        (&format!(r#"{{"a":{digits_65}}}"#), "/payload/a"),
        (&format!(r#"{{"a":{fraction_65}}}"#), "/payload/a"),
    ];
    for (payload, pointer) in cases {
        let answer = app.client.publish_text(with_payload(payload)).await;
        refused_at(answer, &[pointer]);
    }
    // The name of a member may be what is wrong.
    for payload in [r#"{"\u0000":1}"#, r#"{"\ud800":1}"#] {
        let answer = app.client.publish_text(with_payload(payload)).await;
        let answer = answer.expect_problem(422);
        assert!(answer.pointers()[0].starts_with("/payload"), "{}", answer.text);
    }
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_nested_ten_thousand_deep_is_refused() {
    let app = app().await;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = |depth: usize| {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            with_payload(&format!(r#"{{"a":{value}}}"#))
        };
        for depth in [64, 65, 10_000] {
            let answer = app.client.publish_text(nested(depth)).await.expect_problem(422);
            assert!(answer.pointers()[0].starts_with("/payload"), "{}", answer.text);
        }
        app.client.publish_text(nested(63)).await.expect(202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclosed_flood_of_brackets_is_refused() {
    let app = app().await;
    for text in ["[".repeat(1_000_000), r#"{"a":"#.repeat(1_000_000)] {
        app.client.publish_text(text).await.expect_problem(422);
    }
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_event_in_a_thousand_refuses_all_of_them() {
    let app = app().await;
    let mut batch = events("orders", 0..1000);
    batch[617]["timestamp"] = json!("soon");

    let bare = app.client.publish(&json!(batch)).await;
    let wrapped = app.client.publish(&json!({ "events": batch })).await;

    refused_at(bare, &["/617/timestamp"]);
    refused_at(wrapped, &["/events/617/timestamp"]);
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_not_only_the_first() {
    let app = app().await;
    let mut batch = events("orders", 0..4);
    batch[1]["topic"] = json!("");
    batch[1]["payload"] = json!([]);
    batch[3] = json!("event");

    let answer = app.client.publish(&json!(batch)).await;

    refused_at(answer, &["/1/topic", "/1/payload", "/3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_an_empty_batch_and_broken_json_are_refused() {
    let app = app().await;
    let bodies = [
        "",
        " ",
        "[]",
        r#"{"events":[]}"#,
        "{}",
        "null",
        "1",
        r#""event""#,
        "{",
        "[",
        "[{]",
        r#"{"topic":"t",}"#,
        "{'topic':'t'}",
        "NaN",
        r#"{"events":{}}"#,
        r#"{"events":null}"#,
        "[[]]",
        "[null]",
        "\u{feff}",
    ];
    for body in bodies {
        let answer = app.client.publish_text(body).await;
        assert_eq!(answer.status, 422, "{body:?}: {}", answer.text);
        let answer = answer.expect_problem(422);
        assert!(!answer.pointers().is_empty(), "{body:?}: {}", answer.text);
    }
    let trailing = format!("{} {{}}", event("orders", 1));
    app.client.publish_text(trailing).await.expect_problem(422);
    app.client.publish_text([0xff, 0xfe]).await.expect_problem(422);
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_413() {
    let app = app().await;
    let too_many = json!(events("orders", 0..10_001));
    let mut too_large = event("orders", 1);
    too_large["payload"] = json!({ "text": "x".repeat(1_100_000) });

    app.client.publish(&too_many).await.expect_problem(413);
    app.client.publish(&too_large).await.expect_problem(413);
    app.client.publish(&json!([event("orders", 1), too_large])).await.expect_problem(413);
    let nine_mib = format!("[{}]", " ".repeat(9 << 20));
    app.client.publish_text(nine_mib).await.expect_problem(413);
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_batch_is_taken() {
    let app = app().await;

    let answer = app.client.publish(&json!(events("orders", 0..10_000))).await;

    assert_eq!(answer.expect(202).get("received"), 10_000);
    assert_eq!(app.log.length().await, 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_media_type_is_415() {
    let app = app().await;
    let body = event("orders", 1).to_string();
    for media_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        let answer = app.client.publish_typed(body.clone(), media_type).await;
        answer.expect_problem(415);
    }
    nothing_was_kept(&app).await;
    let json = "application/json; charset=utf-8";
    app.client.publish_typed(body, json).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_405_and_says_which_are_right() {
    let app = app().await;
    for (method, path, allowed) in [
        (Method::GET, "/publish", "POST"),
        (Method::PUT, "/publish", "POST"),
        (Method::DELETE, "/publish", "POST"),
        (Method::POST, "/events", "GET"),
        (Method::DELETE, "/events/orders/1", "GET"),
        (Method::POST, "/stats", "GET"),
        (Method::POST, "/health", "GET"),
    ] {
        let answer = app.client.method(method, path).await.expect_problem(405);
        assert!(answer.header("allow").contains(allowed), "{path}");
    }
    nothing_was_kept(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_is_404() {
    let app = app().await;
    for path in ["/nothing", "/events/orders", "/events/orders/1/2"] {
        app.client.get(path).await.expect_problem(404);
    }
    app.client.get("/events/orders/unknown").await.expect_problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_outside_1_to_10000_and_a_made_up_cursor_are_422() {
    let app = app().await;
    for path in [
        "/events?limit=0",
        "/events?limit=-1",
        "/events?limit=10001",
        "/events?limit=x",
        "/events?limit=",
        "/events?limit=1.5",
        "/events?limit=99999999999999999999",
        "/events?topic=orders&limit=0",
        "/events?cursor=x",
        "/events?cursor=AAAA",
        "/events?cursor=%F0%9F%8E%89",
        "/events?topic=orders&cursor=AQAAAAAAAAAAAQ",
        "/events?format=xml",
        "/topics?limit=0",
        "/topics?cursor=made-up",
        // Sealed as ours are, behind a name with U+0000.
        "/topics?cursor=ARo2kSeO90XgYQBi",
    ] {
        let answer = app.client.get(path).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        answer.expect_problem(422);
    }
    let forged = app.client.get("/topics?cursor=ARo2kSeO90XgYQBi").await.expect(422);
    assert_eq!(forged.get("errors")[0]["parameter"], "cursor");
    // The same for "orders", as it is given.
    app.client.get("/topics?cursor=AUPZVYKkEwmSb3JkZXJz").await.expect(200);
    app.client.get("/events?limit=1").await.expect(200);
    app.client.get("/events?limit=10000").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_is_unknown_or_repeated_is_422_and_names_the_rule() {
    let app = app().await;
    for (path, said) in [
        ("/events?colour=red", "topic, event_id, limit, cursor, format"),
        ("/events?Topic=orders", "topic, event_id, limit, cursor, format"),
        ("/topics?topic=orders", "limit, cursor"),
        ("/events?topic=orders&topic=refunds", "once"),
        ("/events?limit=1&limit=1", "once"),
        ("/events?event_id=1", "needs a topic"),
        ("/events?topic=orders&event_id=1&cursor=AQAAAAAAAAAAAQ", "no meaning"),
        ("/events?cursor=", "begin without one"),
    ] {
        let answer = app.client.get(path).await.expect_problem(422);
        assert!(answer.text.contains(said), "{path}: {}", answer.text);
    }
    // What keeps caches away is no filter; elsewhere nothing is filtered.
    for path in ["/events?_=1732970000", "/events?topic=orders&_nocache", "/topics?_=1", "/stats?x=1", "/livez?x=1"] {
        assert_ne!(app.client.get(path).await.status, 422, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_members_are_ignored_and_not_written_on() {
    let app = app().await;
    let mut generous = event("orders", 1);
    generous["colour"] = json!("red");

    app.client.publish(&generous).await.expect(202);

    let (_, _, record) = app.log.records().await.remove(0);
    let written: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
    assert_eq!(written, event("orders", 1), "plain JSON that others can read");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_member_that_stands_there_twice_the_last_counts() {
    let app = App::start().await;
    let text = format!(
        r#"{{"topic":"first","topic":"t","event_id":"1","source":"s","timestamp":"{TIMESTAMP}","payload":{{"a":1,"a":2}}}}"#
    );

    app.client.publish_text(text).await.expect(200);

    let stored = app.client.get("/events/t/1").await.expect(200);
    assert_eq!(stored.get("payload"), json!({ "a": 2 }));
}
