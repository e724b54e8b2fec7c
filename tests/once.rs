//! Once: at most one row per `(topic, event_id)`, whatever is repeated and by whom; and the answer
//! says which it was.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::client::PATIENT;
use crate::support::counters::{Counters, balanced, the_group_never_leads};
use crate::support::log::Record;
use crate::support::publisher::{publish_all, with_repeats};
use crate::support::wait::within;
use crate::support::{App, event, event_with, events};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_events_with_30_percent_duplicates_are_700_stored_and_300_dropped() {
    let app = App::start().await;
    let sent = with_repeats(&events("orders", 0..700), 1000);

    let mut dropped = 0;
    for batch in sent.chunks(50) {
        let answer = app.client.publish(&json!(batch)).await.expect(200);
        dropped += answer.get("duplicate_dropped").as_i64().unwrap();
    }

    let stats = app.stats().await;
    assert_eq!(dropped, 300);
    assert_eq!(stats["received"], 1000);
    assert_eq!(stats["unique_processed"], 700);
    assert_eq!(stats["duplicate_dropped"], 300);
    let expected = Counters { stored: 700, duplicates: 300, ..Counters::default() };
    assert_eq!(balanced(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eleven_events_with_three_ids_three_are_stored_and_eight_dropped() {
    let app = App::start().await;
    let sent: Vec<Value> = (0..11).map(|n| event("orders", n % 3)).collect();

    for one in &sent {
        app.client.publish(one).await.expect(200);
    }

    let stats = app.stats().await;
    assert_eq!(stats["received"], 11);
    assert_eq!(stats["unique_processed"], 3);
    assert_eq!(stats["duplicate_dropped"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_three_times_is_stored_then_a_duplicate_then_a_duplicate() {
    let app = App::start().await;
    let one = event("orders", "a");

    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.extend(app.client.publish(&one).await.expect(200).outcomes());
    }

    assert_eq!(outcomes, ["stored", "duplicate", "duplicate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_duplicates_inside_is_answered_exactly() {
    let app = App::start().await;
    app.client.publish(&event("orders", "old")).await.expect(200);
    let ids = ["new", "old", "new", "other", "new", "old"];
    let batch: Vec<Value> = ids.iter().map(|id| event("orders", id)).collect();

    let answer = app.client.publish(&json!({ "events": batch })).await.expect(200);

    let expected = ["stored", "duplicate", "duplicate", "stored", "duplicate", "duplicate"];
    assert_eq!(answer.outcomes(), expected);
    let body = answer.json();
    for (member, count) in [
        ("received", 6),
        ("accepted", 2),
        ("unique_processed", 2),
        ("processed_count", 2),
        ("duplicate_dropped", 4),
        ("duplicates", 4),
        ("conflicts", 0),
    ] {
        assert_eq!(body[member], count, "{member}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_each_event_in_the_order_of_the_request_with_its_position() {
    let app = App::start().await;
    let batch = json!([event("b", 1), event("a", 2), event("b", 1)]);

    let body = app.client.publish(&batch).await.expect(200).json();

    let told = body["events"].as_array().unwrap();
    let ids: Vec<_> = told.iter().map(|e| (&e["topic"], &e["event_id"])).collect();
    let (a, b) = (json!("a"), json!("b"));
    assert_eq!(ids, [(&b, &json!("1")), (&a, &json!("2")), (&b, &json!("1"))]);
    assert_eq!(told[0]["partition"], told[2]["partition"]);
    assert!(told[0]["offset"].as_i64().unwrap() < told[2]["offset"].as_i64().unwrap());
    let stored = app.client.get("/events/b/1").await.expect(200).json();
    assert_eq!(stored["partition"], told[0]["partition"]);
    assert_eq!(stored["offset"], told[0]["offset"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_a_thousand_is_answered_200() {
    let app = App::start().await;

    // The promise is 5 s; the machine that runs this may be busy with other tests.
    let batch = json!(events("orders", 0..1000));
    let publishing = app.client.publish(&batch);
    let answer = within(Duration::from_secs(20), "the answer", publishing).await;

    let body = answer.expect(200).json();
    assert_eq!((&body["received"], &body["accepted"]), (&json!(1000), &json!(1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_preferences_waits_for_its_verdict() {
    let app = App::start().await;
    let neutral = ("x-none", "none");

    let answer = app.client.try_publish(&event("orders", 1), neutral).await.unwrap();

    assert_eq!(answer.expect(200).outcomes(), ["stored"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_with_another_payload_is_a_conflict_and_the_first_payload_stays() {
    let app = App::start().await;
    let first = event_with("orders", "a", json!({ "amount": 1 }));
    let other = event_with("orders", "a", json!({ "amount": 2 }));
    app.client.publish(&first).await.expect(200);

    let answer = app.client.publish(&other).await.expect(200);

    assert_eq!(answer.outcomes(), ["conflict"]);
    let body = answer.json();
    assert_eq!(body["conflicts"], 1);
    assert_eq!(body["duplicate_dropped"], 1, "it added no row");
    let stored = app.client.get("/events/orders/a").await.expect(200);
    assert_eq!(stored.get("payload"), json!({ "amount": 1 }));
    let kept = app.database.texts("SELECT payload FROM conflicts").await;
    assert_eq!(kept, [r#"{"amount": 2}"#]);
    let expected = Counters { stored: 1, conflicts: 1, ..Counters::default() };
    assert_eq!(balanced(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_inside_one_batch_are_told_from_repeats() {
    let app = App::start().await;
    let of = |amount: i64| event_with("orders", "a", json!({ "amount": amount }));
    let batch = json!([of(1), of(2), of(1), of(2), of(3)]);

    let answer = app.client.publish(&batch).await.expect(200);

    let expected = ["stored", "conflict", "duplicate", "conflict", "conflict"];
    assert_eq!(answer.outcomes(), expected);
    assert_eq!(app.database.number("SELECT count(*) FROM conflicts").await, 3);
    balanced(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_are_compared_as_json_and_source_and_time_may_differ() {
    let app = App::start().await;
    let text = |payload: &str, source: &str, time: &str| {
        format!(r#"{{"topic":"orders","event_id":"a","source":"{source}","timestamp":"{time}","payload":{payload}}}"#)
    };
    let first = text(r#"{"a":1,"b":[1.50,"é"]}"#, "shop", "2025-01-01T00:00:00Z");
    let same = text(r#"{ "b" : [1.5, "\u00e9"], "a":1.0 }"#, "till", "2026-01-01T00:00:00Z");
    app.client.publish_text(first).await.expect(200);

    let answer = app.client.publish_text(same).await.expect(200);

    assert_eq!(answer.outcomes(), ["duplicate"]);
    let stored = app.client.get("/events/orders/a").await.expect(200);
    assert_eq!(stored.get("source"), "shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_in_another_topic_is_another_event() {
    let app = App::start().await;
    let batch = json!([event("orders", "a"), event("refunds", "a"), event("Orders", "a")]);

    let answer = app.client.publish(&batch).await.expect(200);

    assert_eq!(answer.outcomes(), ["stored", "stored", "stored"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_publishers_that_send_the_same_ids_at_once_one_wins_each_id() {
    let app = App::start().await;
    let batch = json!(events("orders", 0..40));

    let publishers = (0..8).map(|_| app.client.publish(&batch));
    let answers = join_all(publishers).await;

    let mut winners = vec![0; 40];
    for answer in answers {
        for (index, outcome) in answer.expect(200).outcomes().iter().enumerate() {
            winners[index] += usize::from(outcome == "stored");
        }
    }
    assert_eq!(winners, vec![1; 40]);
    let expected = Counters { stored: 40, duplicates: 7 * 40, ..Counters::default() };
    assert_eq!(balanced(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_lie_in_different_partitions_are_one_event() {
    let app = App::setup().consumers(2).start().await;
    let copies: Vec<Record> = (0..50).map(|n| Record::new("misplaced", event("orders", n).to_string())).collect();

    let partitions = (0..4).map(|partition| app.log.append_to(partition, &copies));
    join_all(partitions).await;

    let expected = Counters { stored: 50, duplicates: 150, ..Counters::default() };
    assert_eq!(balanced(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn keyed_by_event_a_hot_topic_spreads_and_every_event_is_still_stored_once() {
    let app = App::setup().set("ONCELOG_PARTITION_BY", "event").start().await;
    let batch = json!(with_repeats(&events("orders", 0..200), 300));

    app.client.publish(&batch).await.expect(200);

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates), (200, 100));
    let used = "SELECT count(DISTINCT partition) FROM events";
    assert_eq!(app.database.number(used).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_on_one_group_under_load_are_exact() {
    let app = App::setup().consumers(2).partitions(8).start().await;
    let unique: Vec<Value> = (0..14_000).map(|n| event(&format!("topic-{}", n % 23), n)).collect();
    let sent = with_repeats(&unique, 20_000);

    publish_all(&app.client, &sent, 500).await;

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 14_000);
    // A publisher that had to repeat a request added copies; nothing else may.
    assert_eq!(counters.duplicates, app.log.length().await - 14_000);
    assert!(counters.duplicates >= 6_000, "{counters:?}");
    the_group_never_leads(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_everything_an_old_event_is_a_duplicate() {
    let mut app = App::start().await;
    let old = event("orders", "old");
    app.client.publish(&old).await.expect(200);

    app.stop_consumers();
    app.stop_api();
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;

    let answer = app.client.publish(&old).await.expect(200);
    assert_eq!(answer.outcomes(), ["duplicate"]);
    let stats = app.stats().await;
    assert_eq!(stats["received"], 2, "right after any restart");
    assert_eq!(stats["unique_processed"], 1);
    assert_eq!(stats["duplicate_dropped"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_may_be_api_and_consumer() {
    let mut app = App::setup().prepare().await;
    app.start_serve().await;
    app.healthy().await;

    let first = app.client.publish(&event("orders", 1)).await.expect(200);
    let again = app.client.try_publish(&event("orders", 1), PATIENT).await.unwrap();

    assert_eq!(first.outcomes(), ["stored"]);
    assert_eq!(again.expect(200).outcomes(), ["duplicate"]);
    app.stop_api();
}
