//! Restored: where a backup takes the database's place, the log brings back what it lacks, and the
//! counts are as if nothing had happened.

mod copies;

use serde_json::json;

use crate::support::client::ASYNC;
use crate::support::counters::{Counters, balanced};
use crate::support::log::Record;
use crate::support::publisher::publish_until_kept;
use crate::support::{App, event, event_with, events};

/// A day's work: new events, repeats, a conflict, and a record that is none.
async fn a_day(app: &App, numbers: std::ops::Range<usize>) {
    let first = numbers.start;
    // Without waiting for verdicts: a backup has just thrown everybody out of the database.
    publish_until_kept(&app.client, &events("orders", numbers.clone())).await;
    publish_until_kept(&app.client, &events("orders", numbers.take(7))).await;
    publish_until_kept(&app.client, &[event_with("orders", first, json!({ "another": true }))]).await;
    app.log.append_to(0, &[Record::new("x", "not JSON")]).await;
}

const A_DAY: Counters =
    Counters { stored: 50, duplicates: 7, conflicts: 1, dead_letters: 1, skipped: 0, redelivered: 0 };

/// Every row but for the time at which it was written.
async fn rows(app: &App) -> Vec<String> {
    let sql = r#"
        SELECT format('%s %s %s %s %s %s', log_id, partition, "offset", topic, event_id, payload) FROM events
        UNION ALL
        SELECT format('conflict %s %s %s %s %s', log_id, partition, "offset", event_id, payload) FROM conflicts
        UNION ALL
        SELECT format('dead letter %s %s %s %s', log_id, partition, "offset", value) FROM dead_letters
        ORDER BY 1"#;
    app.database.texts(sql).await
}

fn start_over(counters: Counters) -> Counters {
    Counters { redelivered: 0, ..counters }
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_backup_restored_while_all_is_stopped_is_filled_from_the_log() {
    let mut app = App::start().await;
    a_day(&app, 0..50).await;
    assert_eq!(balanced(&app).await, A_DAY);
    let yesterday = app.database.back_up().await;
    a_day(&app, 50..100).await;
    let (counters, rows_before) = (balanced(&app).await, rows(&app).await);

    app.stop_consumers();
    app.stop_api();
    app.database.restore(yesterday).await;
    assert_eq!(app.database.number("SELECT count(*) FROM events").await, 50, "the backup is a day old");
    app.start_api().await;
    app.start_consumer().await;

    let after = balanced(&app).await;
    assert_eq!(start_over(after), start_over(counters));
    assert_eq!(after.stored, 2 * A_DAY.stored);
    assert_eq!(rows(&app).await, rows_before);
    let again = app.client.publish(&event("orders", 99)).await.expect(200);
    assert_eq!(again.outcomes(), ["duplicate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_backup_restored_while_events_flow_is_filled_from_the_log() {
    let app = App::start().await;
    a_day(&app, 0..50).await;
    balanced(&app).await;
    let yesterday = app.database.back_up().await;
    a_day(&app, 50..100).await;
    balanced(&app).await;

    let client = app.client.clone();
    let publishing = tokio::spawn(async move {
        for batch in events("orders", 100..700).chunks(20) {
            publish_until_kept(&client, batch).await;
        }
    });
    app.database.restore(yesterday).await;
    publishing.await.unwrap();
    app.healthy().await;
    app.client.try_publish(&event("orders", 0), ASYNC).await.unwrap().expect(202);

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.conflicts, counters.dead_letters), (700, 2, 2));
    assert_eq!(counters.consumed(), app.log.length().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_the_logs_next_life_restored_while_all_runs_is_filled_from_the_log() {
    let mut app = App::start().await;
    a_day(&app, 0..50).await;
    balanced(&app).await;
    app.stop_consumers();
    app.pretend_a_lost_tail().await;
    let yesterday = app.database.back_up().await;
    app.start_consumer().await;
    app.incarnations(2).await;
    balanced(&app).await;

    app.database.restore(yesterday).await;

    app.incarnations(2).await;
    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.conflicts, counters.dead_letters), (50, 2, 2));
}
