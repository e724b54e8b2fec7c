//! The five services that users come from, by the letters of the book: a client written for any
//! of them works unchanged.

use std::net::TcpListener;

use serde_json::{Value, json};

use self::Type::{Boolean, Float, Integer, List, Object, Text};
use crate::support::counters::balanced;
use crate::support::{App, event, events, until};

/// The types that the five systems declare for the members of their answers.
#[derive(Clone, Copy, Debug)]
enum Type {
    /// A number without a fraction, never written with one.
    Integer,
    /// A number that is always written with a fraction: 3600.0, not 3600.
    Float,
    Text,
    Boolean,
    List,
    Object,
}

impl Type {
    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Integer => value.is_i64(),
            Self::Float => value.is_f64(),
            Self::Text => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// What A, C, D and E count, in `/stats` and D in its answers, too.
const COUNTS: [(&str, Type); 3] =
    [("received", Integer), ("unique_processed", Integer), ("duplicate_dropped", Integer)];

fn typed(answer: &Value, members: &[(&str, Type)]) {
    for (member, declared) in members {
        assert!(declared.is_of(&answer[*member]), "{member} is no {declared:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takes_single_and_batch_lists_by_topic_and_counts() {
    let app = App::start().await;

    app.client.publish(&event("orders", 1)).await.expect(200);
    app.client.publish(&json!([event("orders", 2), event("refunds", 1)])).await.expect(200);
    app.client.publish(&event("orders", 1)).await.expect(200);

    let list = app.client.get("/events?topic=orders").await.expect(200).json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let stats = app.stats().await;
    assert_eq!(stats["received"], 4);
    assert_eq!(stats["unique_processed"], 3);
    assert_eq!(stats["duplicate_dropped"], 1);
    assert_eq!(stats["topics"], json!(["orders", "refunds"]));
    typed(&stats, &COUNTS);
    typed(&stats, &[("topics", List), ("uptime", Integer)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn b_answers_200_lists_a_hundred_and_counts_under_its_own_names() {
    let app = App::start().await;

    for batch in events("orders", 0..120).chunks(40) {
        app.client.publish(&json!({ "events": batch })).await.expect(200);
    }
    app.client.publish(&event("orders", 5)).await.expect(200);

    let list = async |path: &str| app.client.get(path).await.expect(200).json();
    assert_eq!(list("/events?topic=orders").await.as_array().unwrap().len(), 100);
    assert_eq!(list("/events?topic=orders&limit=7").await.as_array().unwrap().len(), 7);
    assert_eq!(list("/events?limit=120").await.as_array().unwrap().len(), 120);
    let stats = app.stats().await;
    assert_eq!(stats["uptime_stats"], json!({ "total_received_api": 121, "duplicates_dropped_consumer": 1 }));
    assert_eq!(stats["database_stats"], json!({ "unique_events_stored": 120 }));
    typed(&stats, &[("uptime_stats", Object), ("database_stats", Object)]);
    typed(&stats["uptime_stats"], &[("total_received_api", Integer), ("duplicates_dropped_consumer", Integer)]);
    typed(&stats["database_stats"], &[("unique_events_stored", Integer)]);
    html(&app, "/docs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_takes_a_batch_and_answers_processed_and_dropped() {
    let app = App::start().await;

    let one = app.client.publish(&json!([event("orders", 1)])).await.expect(200).json();
    let again = app.client.publish(&json!([event("orders", 1)])).await.expect(200).json();

    assert_eq!((&one["processed_count"], &one["duplicate_dropped"]), (&json!(1), &json!(0)));
    assert_eq!((&again["processed_count"], &again["duplicate_dropped"]), (&json!(0), &json!(1)));
    typed(&one, &[("processed_count", Integer), ("duplicate_dropped", Integer)]);
    let list = app.client.get("/events").await.expect(200).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["event_id"], "1");
    let event = [("topic", Text), ("event_id", Text), ("timestamp", Text), ("source", Text), ("payload", Object)];
    typed(&list[0], &event);
    let stats = app.stats().await;
    for (member, count) in [("received", 2), ("unique_processed", 1), ("duplicate_dropped", 1)] {
        assert_eq!(stats[member], count, "{member}");
    }
    typed(&stats, &COUNTS);
    let health = app.client.get("/health").await.expect(200);
    assert_eq!(health.get("status"), "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn d_takes_an_event_or_a_bare_array_and_answers_what_became_of_it() {
    let app = App::start().await;

    let body = app.client.publish(&json!(events("orders", 0..2))).await.expect(200).json();
    app.client.publish(&event("orders", 0)).await.expect(200);

    for (member, value) in [
        ("received", json!(2)),
        ("unique_processed", json!(2)),
        ("duplicate_dropped", json!(0)),
        ("status", json!("ok")),
    ] {
        assert_eq!(body[member], value, "{member}");
    }
    typed(&body, &COUNTS);
    typed(&body, &[("status", Text)]);
    let list = app.client.get("/events?topic=orders").await.expect(200).json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let stats = app.stats().await;
    assert_eq!(stats["topics"], json!(["orders"]));
    typed(&stats, &COUNTS);
    typed(&stats, &[("topics", List), ("uptime", Integer)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn e_takes_an_event_or_events_and_answers_with_a_message() {
    let app = App::start().await;

    let one = app.client.publish(&event("orders", 1)).await.expect(200).json();
    let mixed = json!({ "events": [event("orders", 1), event("orders", 2), event("orders", 2)] });
    let mixed = app.client.publish(&mixed).await.expect(200).json();

    assert_eq!((&one["received"], &one["accepted"], &one["duplicates"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(one["message"], "Received 1 events, accepted 1, rejected 0 duplicates");
    assert_eq!((&mixed["received"], &mixed["accepted"], &mixed["duplicates"]), (&json!(3), &json!(1), &json!(2)));
    assert_eq!(mixed["message"], "Received 3 events, accepted 1, rejected 2 duplicates");
    typed(&mixed, &[("received", Integer), ("accepted", Integer), ("duplicates", Integer), ("message", Text)]);

    let page = "/events?topic=orders&limit=10&format=page";
    let page = app.client.get(page).await.expect(200).json();
    assert_eq!((&page["topic"], &page["count"]), (&json!("orders"), &json!(2)));
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    typed(&page, &[("topic", Text), ("count", Integer), ("events", List)]);
    let stats = app.stats().await;
    assert_eq!(stats["topics"], json!(["orders"]));
    typed(&stats, &COUNTS);
    typed(&stats, &[("topics", List), ("uptime_seconds", Float), ("uptime_human", Text)]);
    let human = stats["uptime_human"].as_str().unwrap();
    let parts: Vec<&str> = human.split(' ').collect();
    assert!(
        parts.len() == 3 && parts[0].ends_with('h') && parts[1].ends_with('m') && parts[2].ends_with('s'),
        "{human}"
    );
    let health = app.client.get("/health").await.expect(200).json();
    assert_eq!((&health["status"], &health["consumer_running"]), (&json!("healthy"), &json!(true)));
    typed(&health, &[("status", Text), ("consumer_running", Boolean), ("queue_size", Integer), ("timestamp", Text)]);
    html(&app, "/docs").await;
    html(&app, "/redoc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_writes_a_warning_line_per_duplicate_with_topic_id_and_source() {
    let app = App::start().await;
    app.client.publish(&event("the-topic", "the-id")).await.expect(200);

    app.client.publish(&event("the-topic", "the-id")).await.expect(200);

    until("the line is there", async || {
        app.printed("consumer").lines().any(|line| {
            let has = |text| line.contains(text);
            has("WARN") && has("the-topic") && has("the-id") && has("test")
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_refuses_what_its_limits_refuse() {
    let app = App::setup().consumers(0).start().await;
    let mut long = event("orders", 1);
    long["source"] = json!("x".repeat(256));
    let mut when = event("orders", 1);
    when["timestamp"] = json!("not a time");

    app.client.publish(&long).await.expect_problem(422);
    app.client.publish(&when).await.expect_problem(422);
}

async fn html(app: &App, path: &str) {
    let answer = app.client.get(path).await.expect(200);
    assert!(answer.header("content-type").starts_with("text/html"), "{path}");
    // Everything comes from the binary itself.
    for remote in ["//cdn", "//unpkg", "//fonts.googleapis", "jsdelivr"] {
        assert!(!answer.text.contains(remote), "{path} loads from {remote}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_openapi_3_1_and_knows_every_path() {
    let app = App::setup().consumers(0).start().await;

    let api = app.client.get("/openapi.json").await.expect(200).json();

    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"), "{}", api["openapi"]);
    let paths = api["paths"].as_object().unwrap();
    for path in
        ["/publish", "/events", "/events/{topic}/{event_id}", "/topics", "/stats", "/health", "/livez", "/readyz"]
    {
        assert!(paths.contains_key(path), "{path}: {:?}", paths.keys());
    }
    let stats = &api["components"]["schemas"]["Stats"]["properties"];
    assert_eq!((&stats["uptime"]["type"], &stats["uptime_seconds"]["type"]), (&json!("integer"), &json!("number")));
    assert_eq!(stats["uptime_seconds"]["format"], "double");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_names_the_service_and_links_on() {
    let app = App::setup().consumers(0).start().await;

    let root = app.client.get("/").await.expect(200).json();

    assert_eq!(root["name"], "oncelog");
    assert!(root["version"].is_string());
    assert!(root.to_string().contains("/docs"), "{root}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_under_every_name_and_by_the_consumer_too() {
    let app = App::start().await;

    for path in ["/livez", "/readyz", "/healthz", "/health/ready"] {
        app.client.get(path).await.expect(200);
    }
    let ready = app.client.get("/readyz").await.json();
    assert_eq!(ready, json!({ "status": "ready", "broker": "up", "database": "up" }));
    for path in ["/livez", "/readyz"] {
        app.consumer_client(0).get(path).await.expect(200);
    }
    let metrics = app.client.get("/metrics").await.expect(200).text;
    assert!(metrics.contains("# TYPE oncelog_"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_degraded_while_no_consumer_runs() {
    let mut app = App::start().await;

    app.stop_consumers();

    until("the api says so", async || {
        let health = app.client.get("/health").await.expect(200).json();
        health["status"] == "degraded" && health["consumer_running"] == false
    })
    .await;
    app.client.get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_bears_a_request_id() {
    let app = App::setup().consumers(0).start().await;

    let own = app.client.get_with("/livez", ("x-request-id", "mine-1")).await;
    let given = app.client.get("/livez").await;

    assert_eq!(own.header("x-request-id"), "mine-1");
    assert!(!given.header("x-request-id").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_request_id_is_replaced_and_nobody_is_refused_for_it() {
    let app = App::setup().consumers(0).start().await;
    let longest = "x".repeat(128);
    let kept = app.client.get_with("/livez", ("x-request-id", &longest)).await.expect(200);
    assert_eq!(kept.header("x-request-id"), longest);

    for odd in ["", "two words", "x".repeat(129).as_str(), "x".repeat(60_000).as_str(), "caf\u{e9}"] {
        let answer = app.client.get_with("/livez", ("x-request-id", odd)).await.expect(200);
        let given = answer.header("x-request-id");
        assert!((1..=128).contains(&given.len()) && given != odd, "{odd:.20}: {given:.200}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_a_clear_error_that_names_the_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let app = App::setup().set("PORT", port).prepare().await;

    let (status, printed) = app.run("api");

    assert!(!status.success());
    assert!(printed.contains("PORT") && printed.contains(&port.to_string()), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_is_harmless_any_number_of_times_and_by_many_at_once() {
    let app = App::setup().prepare().await;

    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let (status, printed) = app.run_blocking("migrate");
                assert!(status.success(), "{printed}");
            });
        }
    });

    assert_eq!(app.database.number("SELECT count(*) FROM install").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_topic_keep_their_order() {
    let app = App::setup().consumers(2).start().await;

    for n in 0..100 {
        app.client.try_publish(&event("orders", n), ("prefer", "respond-async")).await.unwrap().expect(202);
    }
    balanced(&app).await;

    let list = app.client.get("/events?topic=orders").await.expect(200).json();
    let ids: Vec<&Value> = list.as_array().unwrap().iter().map(|e| &e["event_id"]).collect();
    let expected: Vec<Value> = (0..100).map(|n| json!(n.to_string())).collect();
    assert_eq!(ids, expected.iter().collect::<Vec<_>>());
}
