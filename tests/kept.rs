//! Kept: what was answered with 2xx is never lost, whatever is killed, stopped or restarted.

use std::env;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::client::ASYNC;
use crate::support::counters::{Counters, balanced, the_group_never_leads};
use crate::support::faults::Faults;
use crate::support::lost_answer::LosesAnswers;
use crate::support::publisher::{publish_all, publish_until_kept, with_repeats};
use crate::support::wait::within;
use crate::support::{App, event, events, until};

/// Events that flow while processes are killed; `ONCELOG_TEST_EVENTS` sets another number.
fn flow() -> usize {
    let wanted = env::var("ONCELOG_TEST_EVENTS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

const KILLS: usize = 10;

/// Seven in ten are new, over several topics.
fn plan(total: usize) -> (usize, Vec<Value>) {
    let unique = total * 7 / 10;
    let all = (0..unique).map(|n| event(&format!("topic-{}", n % 17), n));
    (unique, with_repeats(&all.collect::<Vec<_>>(), total))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_killed_ten_times_while_events_flow_loses_and_repeats_nothing() {
    let mut app = App::setup().set("KAFKA_SESSION_TIMEOUT", "2s").start().await;
    let (unique, sent) = plan(flow());

    for share in shares(&sent) {
        let before = app.progress().await;
        let publishing = publish(&app, share);
        until("the consumer stores", async || app.progress().await > before).await;
        app.consumer(0).kill();
        app.respawn_consumer(0);
        publishing.await.unwrap();
    }

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, unique as i64);
    assert_eq!(counters.duplicates, app.log.length().await - unique as i64);
    assert_eq!((counters.conflicts, counters.dead_letters, counters.skipped), (0, 0, 0));
    the_group_never_leads(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_killed_ten_times_while_publishers_retry_loses_and_repeats_nothing() {
    let mut app = App::start().await;
    let (unique, sent) = plan(flow());
    let sent_once = sent.len() as i64;

    for share in shares(&sent) {
        let before = app.log.length().await;
        let publishing = publish(&app, share);
        until("events are appended", async || app.log.length().await > before).await;
        app.api().kill();
        app.start_api().await;
        publishing.await.unwrap();
    }

    let counters = balanced(&app).await;
    let length = app.log.length().await;
    assert_eq!(counters.stored, unique as i64);
    assert_eq!(counters.duplicates, length - unique as i64);
    // What was acknowledged is there; what was cut off may be there too, repeated.
    assert!(length >= sent_once, "{length} of {sent_once}");
    assert_eq!((counters.conflicts, counters.dead_letters, counters.skipped), (0, 0, 0));
}

fn shares(events: &[Value]) -> Vec<Vec<Value>> {
    let size = events.len().div_ceil(KILLS);
    events.chunks(size).map(<[Value]>::to_vec).collect()
}

fn publish(app: &App, events: Vec<Value>) -> JoinHandle<()> {
    let client = app.client.clone();
    tokio::spawn(async move { publish_all(&client, &events, 50).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_consumer_events_are_kept_with_202_and_stored_when_one_comes() {
    let mut app = App::start().await;
    app.stop_consumers();
    until("the api knows", async || app.client.get("/health").await.get("consumer_running") == false).await;

    let neutral = ("x-none", "none");
    let batch = json!(events("orders", 0..10));
    let publishing = app.client.try_publish(&batch, neutral);
    let answer = within(Duration::from_secs(20), "an answer", publishing).await;

    let body = answer.unwrap().expect(202).json();
    assert_eq!(body["status"], "queued");
    assert_eq!((&body["received"], &body["accepted"]), (&json!(10), &json!(10)));
    assert!(body["duplicate_dropped"].is_null(), "no verdict yet: {body}");
    assert_eq!(app.stats().await["pending"], 10);

    app.start_consumer().await;

    let expected = Counters { stored: 10, ..Counters::default() };
    assert_eq!(balanced(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_consumer_has_ever_been_nobody_waits_for_a_verdict() {
    let app = App::setup().consumers(0).start().await;
    // The first may come before the api has looked for the group.
    app.client.try_publish(&event("orders", 1), ASYNC).await.unwrap().expect(202);

    let one = event("orders", 2);
    let publishing = app.client.publish(&one);

    // It says that it would wait 30 s.
    within(Duration::from_secs(20), "an answer", publishing).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_does_not_wait_gets_202_with_positions() {
    let app = App::start().await;

    let answer = app.client.try_publish(&event("orders", 1), ASYNC).await.unwrap();

    let body = answer.expect(202).json();
    assert_eq!(body["status"], "queued");
    let told = &body["events"][0];
    assert_eq!((&told["topic"], &told["event_id"]), (&json!("orders"), &json!("1")));
    assert!(told["partition"].is_i64() && told["offset"].is_i64(), "{body}");
    assert_eq!(balanced(&app).await.stored, 1);
    let stored = app.client.get("/events/orders/1").await.expect(200).json();
    assert_eq!(stored["offset"], told["offset"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_keeps_what_was_acknowledged() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).start().await;
    publish_all(&app.client, &events("orders", 0..500), 50).await;

    faults.kill_broker();
    let (client, late) = (app.client.clone(), events("orders", 500..600));
    let publishing = tokio::spawn(async move { publish_until_kept(&client, &late).await });
    faults.start_broker();
    publishing.await.unwrap();

    assert_eq!(balanced(&app).await.stored, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_while_events_flow_costs_nothing() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).start().await;
    let client = app.client.clone();
    let sent = with_repeats(&events("orders", 0..3_000), 4_000);
    let publishing = tokio::spawn(async move { publish_all(&client, &sent, 50).await });

    for _ in 0..3 {
        let before = app.progress().await;
        until("events are stored", async || app.progress().await > before || publishing.is_finished()).await;
        faults.kill_database();
        faults.start_database();
    }
    publishing.await.unwrap();

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 3_000);
    assert_eq!(counters.duplicates, app.log.length().await - 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_happened_without_an_answer_is_recognised_and_nothing_is_read_again() {
    let mut app = App::setup().partitions(1).prepare().await;
    app.start_api().await;
    let way = LosesAnswers::to(&app.database.url).await;
    app.set("DATABASE_URL", way.url());
    app.start_consumer().await;
    publish_until_kept(&app.client, &events("t", 0..10)).await;
    // Whoever starts anew reads from the group's offset on.
    until("the group knows what is stored", async || app.log.committed(&app.group().await).await == [Some(10)]).await;

    way.lose_next();
    publish_until_kept(&app.client, &events("t", 10..20)).await;
    until("an answer is lost", async || way.has_lost_it()).await;
    publish_until_kept(&app.client, &events("t", 20..30)).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates, counters.redelivered), (30, 0, 0));
    let printed = app.printed("consumer");
    assert!(printed.contains("the COMMIT that was not answered has happened"), "{printed}");
    assert!(!printed.contains("progress has moved without us"), "{printed}");
    the_group_never_leads(&app).await;
}

/// A process that is stopped keeps its sockets, so nothing tells PostgreSQL that it is gone; and the
/// row that it has locked is the one that its successor needs.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_stopped_inside_its_transaction_does_not_stop_its_successor() {
    let mut app = App::setup().set("KAFKA_SESSION_TIMEOUT", "2s").start().await;
    let writers = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'oncelog writer'";
    let waits = &format!("{writers} AND wait_event_type = 'Lock'");
    let idles = &format!("{writers} AND state = 'idle in transaction'");
    let mut outsider = app.database.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE").execute(&mut *outsider).await.unwrap();
    let batch = json!(events("orders", 0..20));
    app.client.try_publish(&batch, ASYNC).await.unwrap().expect(202);
    until("its transaction is under way", async || app.database.number(waits).await > 0).await;

    app.consumer(0).pause();
    outsider.rollback().await.unwrap();
    until("it holds the fence, and does nothing", async || app.database.number(idles).await > 0).await;
    app.start_consumer().await;

    assert_eq!(balanced(&app).await.stored, 20);
    app.consumer(0).resume();
    let batch = json!(events("orders", 10..40));
    app.client.try_publish(&batch, ASYNC).await.unwrap().expect(202);
    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates), (40, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_come_and_go_share_the_work_and_lose_nothing() {
    let mut app = App::start().await;
    let client = app.client.clone();
    let all: Vec<Value> = (0..6_000).map(|n| event(&format!("topic-{}", n % 17), n)).collect();
    let publishing = tokio::spawn(async move { publish_all(&client, &all, 100).await });

    for _ in 0..3 {
        app.start_consumer().await;
        app.stop_consumers();
        app.start_consumer().await;
    }
    publishing.await.unwrap();

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 6_000);
    assert_eq!(counters.duplicates, app.log.length().await - 6_000);
    the_group_never_leads(&app).await;
}
