//! Counts are facts: per partition, `consumed = stored + duplicates + conflicts + dead_letters`,
//! and every offset is accounted for; whatever is read again, rewound, cut or put back.

use serde_json::{Value, json};
use sqlx::{Connection, Executor};

use crate::support::client::{ASYNC, Answer};
use crate::support::counters::{Counters, balanced};
use crate::support::events::wire;
use crate::support::log::{AS_OURS, Record};
use crate::support::publisher::{publish_until_answered, publish_until_kept, with_repeats};
use crate::support::{App, event, event_with, events, until};

/// A bit of everything that can become of a record.
async fn publish_some_of_each(app: &App) {
    app.client.publish(&json!(with_repeats(&events("orders", 0..50), 70))).await.expect(200);
    app.client.publish(&json!(events("refunds", 0..10))).await.expect(200);
    let other = event_with("orders", 1, json!({ "another": true }));
    app.client.publish(&other).await.expect(200);
    app.log.append_to(0, &[Record::new("x", "not JSON")]).await;
}

const SOME_OF_EACH: Counters =
    Counters { stored: 60, duplicates: 20, conflicts: 1, dead_letters: 1, skipped: 0, redelivered: 0 };

#[tokio::test(flavor = "multi_thread")]
async fn every_record_has_one_outcome_and_all_counters_agree() {
    let app = App::start().await;

    publish_some_of_each(&app).await;

    assert_eq!(balanced(&app).await, SOME_OF_EACH);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_counted_each() {
    let app = App::start().await;

    publish_some_of_each(&app).await;
    balanced(&app).await;

    let list = app.client.get("/topics").await.expect(200).json();
    let expected = json!([
        json!({ "topic": "orders", "stored": 50, "duplicates": 20, "conflicts": 1 }),
        json!({ "topic": "refunds", "stored": 10, "duplicates": 0, "conflicts": 0 }),
    ]);
    assert_eq!(list, expected);
    assert_eq!(app.stats().await["topics"], json!(["orders", "refunds"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_what_is_pending_without_a_look_at_the_topics() {
    let mut app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    app.stop_consumers();
    let mut session = app.database.session().await;
    let mut closed = session.begin().await.unwrap();
    closed.execute("LOCK TABLE topic_counts").await.unwrap();

    app.client.publish(&json!([event("orders", 2), event("orders", 3)])).await.expect(202);

    assert_eq!(app.client.get("/health").await.expect(200).get("queue_size"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_topics_than_are_named_their_number_is_told() {
    let app = App::setup().consumers(0).start().await;
    app.database
        .execute(
            "INSERT INTO topic_counts (topic, log_id, partition)
             SELECT 'topic-' || lpad(n::text, 5, '0'), 1, p
               FROM generate_series(1, 1500) AS n, generate_series(0, 3) AS p",
        )
        .await;

    let stats = app.stats().await;

    let names = stats["topics"].as_array().unwrap();
    assert_eq!((names.len(), &names[999]), (1000, &json!("topic-01000")));
    assert_eq!(stats["topic_count"], 1500);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_come_in_pages_that_cover_each_once() {
    let app = App::start().await;
    let batch: Vec<Value> = (0..25).map(|n| event(&format!("topic-{n:02}"), 1)).collect();
    app.client.publish(&json!(batch)).await.expect(200);

    let mut names = Vec::new();
    let mut next = "/topics?limit=10".to_owned();
    loop {
        let answer = app.client.get(&next).await.expect(200);
        let page = answer.json();
        let list = page.as_array().unwrap();
        assert!(list.len() <= 10);
        names.extend(list.iter().map(|t| t["topic"].as_str().unwrap().to_owned()));
        match crate::listing::next_link(&answer) {
            Some(link) => next = link,
            None => break,
        }
    }

    let expected: Vec<String> = (0..25).map(|n| format!("topic-{n:02}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_has_just_started_says_what_is_right_or_nothing() {
    let mut app = App::start().await;
    publish_some_of_each(&app).await;
    let received = balanced(&app).await.consumed();

    for _ in 0..3 {
        app.api().kill();
        app.spawn_api();
        until("the counters are told", async || {
            let Ok(answer) = app.client.try_get("/stats").await else { return false };
            let told = answer.status == 200;
            assert!(!told || answer.json()["received"] == received, "{}", answer.text);
            told
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_rewound_to_the_beginning_redelivers_everything_and_changes_nothing_else() {
    let mut app = App::start().await;
    publish_some_of_each(&app).await;
    balanced(&app).await;

    app.stop_consumers();
    app.log.commit(&app.group().await, |ends| ends.low).await;
    app.start_consumer().await;

    let all = SOME_OF_EACH.consumed();
    until("everything has been read again", async || app.stats().await["redelivered"] == all).await;
    let expected = Counters { redelivered: all, ..SOME_OF_EACH };
    assert_eq!(balanced(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_beyond_what_is_stored_loses_nothing() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..20))).await.expect(200);
    app.stop_consumers();
    let late = json!(events("orders", 20..50));
    app.client.try_publish(&late, ASYNC).await.unwrap().expect(202);

    app.log.commit(&app.group().await, |ends| ends.high).await;
    app.start_consumer().await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.redelivered), (50, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_offset_alone_never_decides_where_an_empty_database_starts() {
    let mut app = App::setup().prepare().await;
    app.start_api().await;
    let all = json!(events("orders", 0..30));
    app.client.try_publish(&all, ASYNC).await.unwrap().expect(202);
    let group = app.group().await;

    app.log.commit(&group, |ends| ends.high).await;
    app.start_consumer().await;

    assert_eq!(balanced(&app).await.stored, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verdict_is_given_by_the_positions_of_a_log_that_is_over() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    let others: Vec<Value> = (0..30).map(|n| event_with("orders", n, json!({ "another": true }))).collect();

    app.log.delete().await;
    app.log.create(&AS_OURS).await;
    // Each of them lies where an event of the same id lay, and nobody may have noticed yet.
    let publish = async || publish_until_answered(&app.client, &others, ("prefer", "wait=2")).await.1;
    let is_right = |answer: &Answer| answer.status == 202 || answer.outcomes() == ["conflict"; 30];
    let answer = publish().await;
    assert!(is_right(&answer), "{}", answer.text);
    app.incarnations(2).await;
    until("verdicts are given of the new log", async || {
        let answer = publish().await;
        assert!(is_right(&answer), "{}", answer.text);
        answer.status == 200
    })
    .await;
    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 30);
    // What was stored before anybody noticed is counted in both incarnations.
    assert!(counters.conflicts >= app.log.length().await, "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_deleted_and_created_again_is_a_new_log_and_every_event_is_stored_once() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..100))).await.expect(200);
    balanced(&app).await;

    app.log.delete().await;
    app.log.create(&AS_OURS).await;
    // The producer may refuse the new topic until it has noticed; a publisher repeats.
    publish_until_kept(&app.client, &events("orders", 50..150)).await;
    // It is exactly as long as the old one was: no offset tells them apart.
    app.incarnations(2).await;

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 150);
    assert_eq!(counters.duplicates, app.log.length().await - 50);
    assert_eq!(app.database.number("SELECT count(*) FROM events").await, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_markers_of_transactions_are_skipped_and_nothing_stays_pending() {
    let app = App::start().await;
    let values = (0..5).map(|n| wire(&event("orders", n))).collect();

    app.log.append_in_transaction(0, values).await;
    app.log.append_in_transaction(1, vec![wire(&event("orders", 5))]).await;

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 6);
    assert_eq!(counters.skipped, 2, "one marker behind each transaction");
    let stats = app.stats().await;
    assert_eq!((&stats["pending"], &stats["received"]), (&json!(0), &json!(8)));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_behind_the_marker_of_a_transaction_are_stored() {
    let app = App::start().await;
    app.log.append_in_transaction(0, vec![wire(&event("orders", 0))]).await;
    app.log.append_to(0, &[Record::new("x", wire(&event("orders", 1)))]).await;
    app.log.append_in_transaction(0, vec![wire(&event("orders", 2))]).await;

    let counters = balanced(&app).await;

    assert_eq!((counters.stored, counters.skipped), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_trimmed_before_they_were_read_are_counted_as_skipped_with_an_alarm() {
    let mut app = App::start().await;
    let records = |range: std::ops::Range<usize>| -> Vec<Record> {
        range.map(|n| Record::new("x", wire(&event("orders", n)))).collect()
    };
    app.log.append_to(0, &records(0..10)).await;
    app.drained().await;
    app.stop_consumers();
    app.log.append_to(0, &records(10..40)).await;

    app.log.trim(0, 25).await;
    app.start_consumer().await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.skipped), (25, 15));
    assert!(app.printed("consumer").contains("trimmed"), "an alarm in the log");
}

/// All tables, as they are, aside.
const BACKUP: &str = "
    CREATE SCHEMA backup;
    CREATE TABLE backup.events AS TABLE public.events;
    CREATE TABLE backup.progress AS TABLE public.progress;
    CREATE TABLE backup.topic_counts AS TABLE public.topic_counts;
    CREATE TABLE backup.conflicts AS TABLE public.conflicts;
    CREATE TABLE backup.dead_letters AS TABLE public.dead_letters;";

/// The older state, at once: what a restore or a failover to an older copy looks like. No trigger
/// tells anybody.
const RESTORE: &str = "
    BEGIN;
    SET LOCAL session_replication_role = replica;
    TRUNCATE public.events, public.progress, public.topic_counts, public.conflicts, public.dead_letters;
    INSERT INTO public.events SELECT * FROM backup.events;
    INSERT INTO public.progress SELECT * FROM backup.progress;
    INSERT INTO public.topic_counts SELECT * FROM backup.topic_counts;
    INSERT INTO public.conflicts SELECT * FROM backup.conflicts;
    INSERT INTO public.dead_letters SELECT * FROM backup.dead_letters;
    COMMIT;";

const RESTORE_NOTHING: &str = "
    BEGIN;
    SET LOCAL session_replication_role = replica;
    TRUNCATE events, progress, topic_counts, conflicts, dead_letters;
    COMMIT;";

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_database_put_back_while_all_is_idle_is_filled_from_the_log() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    app.database.execute(BACKUP).await;
    app.client.publish(&json!(events("orders", 20..80))).await.expect(200);
    let before = balanced(&app).await;

    app.database.execute(RESTORE).await;

    // Nothing is published meanwhile: an idle partition notices by itself.
    let after = balanced(&app).await;
    assert_eq!((after.stored, after.duplicates), (before.stored, before.duplicates));
    assert_eq!(after.stored, 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_put_back_while_events_flow_is_filled_from_the_log() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    app.database.execute(BACKUP).await;
    app.client.publish(&json!(events("orders", 30..60))).await.expect(200);

    let client = app.client.clone();
    let publishing = tokio::spawn(async move {
        for batch in events("orders", 0..600).chunks(20) {
            publish_until_kept(&client, batch).await;
        }
    });
    app.database.execute(RESTORE).await;
    publishing.await.unwrap();

    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 600);
    assert_eq!(counters.duplicates, app.log.length().await - 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_database_is_filled_again_from_the_beginning_of_the_log() {
    let app = App::start().await;
    publish_some_of_each(&app).await;
    balanced(&app).await;

    app.database.execute(RESTORE_NOTHING).await;

    assert_eq!(balanced(&app).await, SOME_OF_EACH);
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_partitions_are_refused_unless_that_is_accepted() {
    let mut app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    app.stop_consumers();
    app.stop_api();
    app.database.execute("UPDATE logs SET partitions = 5").await;

    let (status, printed) = app.run("consumer");

    assert!(!status.success());
    assert!(printed.contains("partitions"), "{printed}");
}
