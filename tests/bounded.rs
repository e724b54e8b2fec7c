//! Bounded: whatever stands still, callers are told in time, nothing is claimed that does not hold,
//! memory stays flat, and everything goes on by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, Executor};

use crate::support::client::ASYNC;
use crate::support::counters::balanced;
use crate::support::faults::Faults;
use crate::support::log::Record;
use crate::support::publisher::{publish_all, publish_until_kept};
use crate::support::wait::within;
use crate::support::{App, event, event_with, events, until};

const A_MINUTE: Duration = Duration::from_mins(1);
/// Neither `wait` nor `respond-async`.
const NEUTRAL: (&str, &str) = ("x-none", "none");

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_publishing_answers_503_in_time_and_goes_on_when_it_is_back() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).start().await;
    app.client.publish(&event("orders", "before")).await.expect(200);
    let pids = (app.api().pid(), app.consumer(0).pid());

    faults.stop_broker();
    let refused = json!([event("orders", 1), event("orders", 2)]);
    let publishing = app.client.publish(&refused);
    let answer = within(Duration::from_secs(20), "an answer", publishing).await;

    let answer = answer.expect_problem(503);
    assert!(!answer.header("retry-after").is_empty());
    let states = answer.get("events");
    for state in states.as_array().into_iter().flatten() {
        assert_ne!(state["state"], "kept", "{}", answer.text);
    }
    until("the api is not ready", async || app.client.get("/readyz").await.status == 503).await;
    app.client.get("/livez").await.expect(200);
    app.client.get("/events?topic=orders").await.expect(200);

    faults.start_broker();
    publish_until_kept(&app.client, &events("orders", 0..20)).await;
    app.healthy().await;

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 21);
    assert_eq!((app.api().pid(), app.consumer(0).pid()), pids);
    assert!(app.api().is_running() && app.consumer(0).is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_answer_is_given_up_in_time() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).start().await;

    faults.pause_broker();
    let batch = json!(events("orders", 0..5));
    let publishing = app.client.publish(&batch);
    let answer = within(Duration::from_secs(30), "an answer", publishing).await;
    faults.resume_broker();

    answer.expect_problem(503);
    publish_until_kept(&app.client, &events("orders", 0..5)).await;
    assert_eq!(balanced(&app).await.stored, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_events_are_kept_at_once_and_stored_when_it_is_back() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).start().await;
    app.client.publish(&event("orders", "before")).await.expect(200);

    faults.stop_database();
    until("the api knows", async || app.client.get("/readyz").await.get("database") == "down").await;
    let publishing = async {
        for n in 0..50 {
            let answer = app.client.try_publish(&event("orders", n), NEUTRAL).await;
            answer.unwrap().expect(202);
        }
    };
    // If each waited for its verdict in vain, these would take 100 s.
    within(A_MINUTE, "fifty answers", publishing).await;
    app.client.get("/readyz").await.expect(200);
    app.client.get("/stats").await.expect_problem(503);
    app.client.get("/events").await.expect_problem(503);

    faults.start_database();
    app.healthy().await;

    assert_eq!(balanced(&app).await.stored, 51);
    let again = app.client.publish(&event("orders", 0)).await.expect(200);
    assert_eq!(again.outcomes(), ["duplicate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_while_the_database_is_down_and_the_log_grows() {
    const RECORDS: usize = 120;
    const LIMIT: u64 = 160 << 20;
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).start().await;
    app.client.publish(&event("warm", 1)).await.expect(200);

    faults.stop_database();
    let text = "x".repeat(800_000);
    let mut highest = 0;
    for n in 0..RECORDS {
        let large = event_with(&format!("topic-{n}"), n, json!({ "text": text }));
        publish_until_kept(&app.client, &[large]).await;
        let of = |rss: Option<u64>| rss.unwrap_or(0);
        highest = highest.max(of(app.consumer(0).rss())).max(of(app.api().rss()));
    }

    // A third less than what lies on the topic would already be all of it, copied.
    assert!(highest < LIMIT, "{} MiB", highest >> 20);
    assert!(app.consumer(0).is_running());
    faults.start_database();
    let counters = balanced(&app).await;
    assert_eq!(counters.stored, RECORDS as i64 + 1);
    let after = app.consumer(0).rss().unwrap();
    assert!(after < LIMIT, "{} MiB", after >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_start_before_their_broker_and_database_wait_for_them() {
    let faults = Faults::take().await;
    let mut app = App::setup().on(&faults).prepare().await;
    faults.stop_broker();
    faults.stop_database();

    app.spawn_api();
    app.spawn_consumer();
    until("the api lives", async || app.client.try_get("/livez").await.is_ok_and(|answer| answer.status == 200)).await;
    app.client.get("/readyz").await.expect(503);
    let one = event("orders", 1);
    let refused = app.client.publish(&one);
    within(Duration::from_secs(20), "an answer", refused).await.expect_problem(503);
    faults.start_database();
    faults.start_broker();
    app.healthy().await;

    assert_eq!(app.client.publish(&event("orders", 1)).await.expect(200).outcomes(), ["stored"]);
    assert!(app.api().is_running() && app.consumer(0).is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_a_request_is_refused_as_a_whole_with_429() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).set("QUEUE_MAX_SIZE", 10).set("PUBLISH_MAX_EVENTS", 10).start().await;
    app.client.publish(&event("orders", "before")).await.expect(200);

    // Nothing is delivered now, so the first request holds its room, and leaves too little.
    faults.pause_broker();
    let publish = |name: &'static str| {
        let client = app.client.clone();
        let batch: Vec<Value> = (0..6).map(|n| event("orders", format!("{name}-{n}"))).collect();
        tokio::spawn(async move { client.try_publish(&json!(batch), ASYNC).await.unwrap() })
    };
    let (mut one, mut other) = (publish("one"), publish("other"));
    let (refused, waiting) = tokio::select! {
        answer = &mut one => (answer.unwrap(), other),
        answer = &mut other => (answer.unwrap(), one),
    };
    faults.resume_broker();

    let refused = refused.expect_problem(429);
    assert!(!refused.header("retry-after").is_empty());
    waiting.await.unwrap().expect(202);
    assert_eq!(balanced(&app).await.stored, 7, "nothing of the refused request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_larger_than_all_the_room_is_413() {
    let app = App::setup().set("QUEUE_MAX_BYTES", 100_000).consumers(0).start().await;
    let large = event_with("orders", 1, json!({ "text": "x".repeat(200_000) }));

    app.client.publish(&large).await.expect_problem(413);

    assert_eq!(app.log.length().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_refused_is_taken_later() {
    let app = App::setup().set("QUEUE_MAX_SIZE", 50).set("PUBLISH_MAX_EVENTS", 50).start().await;

    publish_all(&app.client, &events("orders", 0..3000), 50).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates), (3000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_ends_its_header_is_cut_off() {
    let app = App::setup().consumers(0).start().await;
    let address = app.client.address();

    let reading = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"POST /publish HTTP/1.1\r\nHost: x\r\n").unwrap();
        // An answer or none: what matters is that the connection ends.
        let _ = stream.read_to_end(&mut Vec::new());
    });

    within(A_MINUTE, "the connection's end", reading).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_ends_every_process_in_order() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..100))).await.expect(200);

    app.stop_api();
    app.stop_consumers();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_stopped_leaves_its_group_and_the_next_one_need_not_wait() {
    // Longer than the test's patience: who does not leave holds the partitions until it fails.
    let mut app = App::setup().set("KAFKA_SESSION_TIMEOUT", "4m").start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);

    app.stop_consumers();
    app.start_consumer().await;
    app.client.try_publish(&event("orders", 2), ASYNC).await.unwrap().expect(202);

    assert_eq!(balanced(&app).await.stored, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_events_flow_loses_nothing_that_was_acknowledged() {
    let mut app = App::start().await;
    let client = app.client.clone();
    let publishing = tokio::spawn(async move {
        publish_all(&client, &events("orders", 0..4000), 40).await;
    });

    for _ in 0..3 {
        let before = app.progress().await;
        until("events are stored", async || app.progress().await > before || publishing.is_finished()).await;
        app.stop_api();
        app.stop_consumers();
        app.start_api().await;
        app.start_consumer().await;
    }
    publishing.await.unwrap();

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 4000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_is_heeded_without_a_broker() {
    let faults = Faults::take().await;
    let mut app = App::setup().on(&faults).start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);

    faults.stop_broker();
    let client = app.client.clone();
    // A request is under way while the signal comes.
    let publishing = tokio::spawn(async move { client.publish(&event("orders", 2)).await });
    app.stop_consumers();
    app.stop_api();

    publishing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_is_heeded_without_a_database_and_with_full_queues() {
    let faults = Faults::take().await;
    let mut app = App::setup().on(&faults).start().await;
    faults.stop_database();
    publish_until_kept(&app.client, &events("orders", 0..5000)).await;

    app.stop_consumers();
    app.stop_api();

    faults.start_database();
    app.start_api().await;
    app.start_consumer().await;
    assert_eq!(balanced(&app).await.stored, 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_is_heeded_before_anything_has_answered() {
    let faults = Faults::take().await;
    let mut app = App::setup().on(&faults).prepare().await;
    faults.stop_broker();
    faults.stop_database();
    app.spawn_api();
    app.spawn_consumer();
    until("the api lives", async || app.client.try_get("/livez").await.is_ok()).await;
    let consumer = app.consumer_client(0).clone();
    until("the consumer lives", async || consumer.try_get("/livez").await.is_ok()).await;

    app.stop_consumers();
    app.stop_api();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_would_lose_events_is_refused() {
    let mut app = App::setup().prepare().await;
    app.log.create(&[("cleanup.policy", "compact")]).await;

    let (status, printed) = app.run("consumer");
    assert!(!status.success());
    assert!(printed.contains("cleanup.policy"), "{printed}");

    app.spawn_api();
    until("the api lives", async || app.client.try_get("/livez").await.is_ok()).await;
    until("the api says why it takes nothing", async || {
        app.client.get("/readyz").await.text.contains("cleanup.policy")
    })
    .await;
    app.client.publish(&event("orders", 1)).await.expect_problem(503);
    assert_eq!(app.log.length().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_large_records_is_stored_within_bounded_memory() {
    // Packed, all of it would fit in one answer of the broker.
    const RECORDS: usize = 250;
    let mut app = App::start().await;
    app.stop_consumers();
    let text = "x".repeat(900_000);
    let records: Vec<Record> = (0..RECORDS)
        .map(|n| event_with("t", n, json!({ "text": text })).to_string())
        .map(|value| Record::new("k", value))
        .collect();
    app.log.append_to(0, &records).await;

    app.start_consumer().await;
    let mut highest = 0;
    until("all is stored", async || {
        highest = highest.max(app.consumer(0).rss().unwrap_or(0));
        app.progress().await == RECORDS as i64
    })
    .await;

    assert_eq!(balanced(&app).await.stored, RECORDS as i64);
    assert!(highest < 160 << 20, "{} MiB", highest >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_is_stored_progress_is_looked_at_less_and_less() {
    // Of all sessions: what is counted reaches the view within seconds of its statement.
    const LOOKS: &str = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'progress'";
    // A millisecond apart, these are thousands in five seconds.
    const MOST: i64 = 600;
    let app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    let mut session = app.database.session().await;
    let mut locked = session.begin().await.unwrap();
    locked.execute("SELECT FROM progress FOR UPDATE").await.unwrap();
    let before = app.database.number(LOOKS).await;

    let waiting = app.client.try_publish(&event("orders", 2), ("prefer", "wait=5")).await;

    waiting.unwrap().expect(202);
    locked.rollback().await.unwrap();
    assert_eq!(app.client.publish(&event("orders", 3)).await.expect(200).outcomes(), ["stored"]);
    let looks = app.database.number(LOOKS).await - before;
    assert!((1..MOST).contains(&looks), "{looks}");
}
