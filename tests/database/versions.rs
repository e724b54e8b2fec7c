//! Programs and schemas of two versions, side by side.

use serde_json::Value;

use crate::support::books::balanced;
use crate::support::publisher::{publish_all, with_repeats};
use crate::support::{App, events, until};

/// As a program of the next version does it, in one transaction.
fn next_version(oldest_program: &str) -> String {
    format!(
        "BEGIN;
         ALTER TABLE events ADD COLUMN region text;
         CREATE TABLE regions (name text PRIMARY KEY);
         UPDATE install SET oldest_program = {oldest_program};
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
              SELECT max(version) + 1, 'the next one', true, 'x', 1 FROM _sqlx_migrations;
         COMMIT;"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_go_on_with_a_newer_schema_that_admits_them_and_start_on_it_under_load() {
    let mut app = App::setup().consumers(2).start().await;
    let unique = events("orders", 0..6_000).into_iter().chain(events("bills", 0..6_000));
    let unique: Vec<Value> = unique.collect();
    let sent = with_repeats(&unique, 15_000);
    let client = app.client.clone();
    // It fails at any answer but 2xx, 429 and 503.
    let publishing = tokio::spawn(async move { publish_all(&client, &sent, 50).await });

    until("events flow", async || app.progress().await > 1_000).await;
    app.database.execute(&next_version("oldest_program")).await;
    for place in [0, 1] {
        let before = app.progress().await;
        app.consumer(place).kill();
        app.respawn_consumer(place);
        app.consumer_ready(place).await;
        until("events flow", async || publishing.is_finished() || app.progress().await > before).await;
    }
    app.stop_api();
    app.start_api().await;
    publishing.await.unwrap();

    let (status, said) = app.run("migrate");
    assert!(status.success(), "{said}");
    let books = balanced(&app).await;
    assert_eq!(books.stored, unique.len() as i64);
    assert_eq!((books.conflicts, books.dead_letters, books.skipped), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_no_longer_admits_a_program_is_refused_with_both_versions() {
    let mut app = App::start().await;
    app.database.execute(&next_version("(SELECT max(version) + 1 FROM _sqlx_migrations)")).await;
    let newest = app.database.number("SELECT max(version) FROM _sqlx_migrations").await;
    let words = format!(
        "schema has version {newest} and admits programs that know version {newest} or later; this one knows version {}",
        newest - 1
    );

    for command in ["migrate", "consumer"] {
        let (status, said) = app.run(command);
        assert!(!status.success() && said.contains(&words) && said.contains("start a newer oncelog"), "{said}");
    }
    app.stop_api();
    app.spawn_api();
    until("the api says it", async || super::detail(&app.client).await.contains(&words)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_of_the_release_before_is_brought_up_to_date_under_load() {
    let mut app = App::start().await;
    // As 0003 had left it.
    let undo = "ALTER TABLE install DROP COLUMN oldest_program;
                ALTER FUNCTION events_were_taken_away() SECURITY INVOKER;
                ALTER FUNCTION events_were_taken_away() RESET search_path;
                DELETE FROM _sqlx_migrations WHERE version > 3";
    app.database.execute(undo).await;
    let sent = events("orders", 0..4_000);
    let (client, batch) = (app.client.clone(), sent.clone());
    let publishing = tokio::spawn(async move { publish_all(&client, &batch, 20).await });
    until("events flow", async || app.progress().await > 100).await;

    let place = app.start_consumer().await;
    app.stop_api();
    app.start_api().await;
    publishing.await.unwrap();

    assert_eq!(balanced(&app).await.stored, 4_000);
    assert_eq!(app.database.number("SELECT oldest_program FROM install").await, 3);
    assert!(app.consumer(place).is_running());
}
