//! Whose log, whose layout, whose group: what is stored belongs to one life of one log, laid out in
//! one way, and to one database; what belongs to another is noticed and never mixed in.

use serde_json::json;

use crate::support::books::balanced;
use crate::support::client::ASYNC;
use crate::support::{App, event, events};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_below_what_was_stored_is_read_anew_from_its_beginning() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    app.stop_consumers();

    app.pretend_a_lost_tail().await;
    app.start_consumer().await;
    app.lives(2).await;

    let books = balanced(&app).await;
    assert_eq!((books.stored, books.duplicates), (30, 30));
    assert!(app.printed("consumer").contains("ends below what was stored"), "an alarm in the log");
    // Without a verdict: the api may not have seen yet that the consumer is back.
    app.client.try_publish(&event("orders", 30), ASYNC).await.unwrap().expect(202);
    assert_eq!(balanced(&app).await.stored, 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_read_again_that_left_no_trace_shows_that_the_log_is_another() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    app.stop_consumers();

    // As if the log had held another record where event 7 lies now; the sums stay right.
    app.database
        .execute(
            "DELETE FROM events WHERE event_id = '7';
             UPDATE progress SET stored = stored - 1, duplicates = duplicates + 1 WHERE stored > 0;
             UPDATE topic_counts SET stored = stored - 1, duplicates = duplicates + 1;",
        )
        .await;
    app.log.commit(&app.group().await, |ends| ends.low).await;
    app.start_consumer().await;
    app.lives(2).await;

    let books = balanced(&app).await;
    assert_eq!(app.database.number("SELECT count(*) FROM events").await, 30, "not lost by its position");
    assert_eq!((books.stored, books.duplicates), (30, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_mode_is_refused() {
    let mut app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    app.stop_consumers();
    app.stop_api();
    app.database.execute("UPDATE logs SET partition_by = 'event'").await;

    let (status, printed) = app.run("consumer");

    assert!(!status.success());
    assert!(printed.contains("keyed by event") && printed.contains("keyed by topic"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_that_is_accepted_is_gone_on_with() {
    let mut app = App::setup().set("ONCELOG_ACCEPT_LAYOUT_CHANGE", "true").start().await;
    app.client.publish(&json!(events("orders", 0..10))).await.expect(200);
    app.stop_consumers();
    app.stop_api();
    app.database.execute("UPDATE logs SET partitions = 3, partition_by = 'event'").await;

    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    app.client.publish(&json!(events("orders", 5..20))).await.expect(200);

    assert_eq!(balanced(&app).await.stored, 20);
    let layout = app.database.texts("SELECT concat(partitions, ' by ', partition_by) FROM logs").await;
    assert_eq!(layout, ["4 by topic"], "recorded, so that the next change is noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_on_one_topic_each_store_everything() {
    let first = App::start().await;
    let mut second = App::setup().set("KAFKA_TOPIC", &first.log.topic).start().await;
    second.log.topic.clone_from(&first.log.topic);
    let topics: Vec<_> = (0..40).map(|n| event(&format!("topic-{n}"), n)).collect();

    first.client.publish(&json!(topics)).await.expect(200);

    assert_ne!(first.group().await, second.group().await);
    assert_eq!(balanced(&first).await.stored, 40);
    assert_eq!(balanced(&second).await.stored, 40);
}
