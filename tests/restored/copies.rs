//! Which copy of the database it is: one beside the original takes nothing from it, and one that takes its
//! place is gone on with.

use serde_json::json;

use super::a_day;
use crate::support::binary::Binary;
use crate::support::client::{ASYNC, Client};
use crate::support::counters::balanced;
use crate::support::database::Database;
use crate::support::events::unique;
use crate::support::publisher::publish_until_kept;
use crate::support::quiet_group::QuietGroup;
use crate::support::setup::Setup;
use crate::support::{App, event, events, until};

/// Short, since a process that starts on another copy waits for as long before it gives up.
const SESSION: &str = "2s";

/// Two consumers, a day's work stored, and a copy of the database beside it.
async fn with_a_copy() -> (App, Database) {
    with_a_copy_by(App::setup()).await
}

async fn with_a_copy_by(setup: Setup) -> (App, Database) {
    let app = setup.set("KAFKA_SESSION_TIMEOUT", SESSION).consumers(2).start().await;
    a_day(&app, 0..50).await;
    balanced(&app).await;
    let copy = app.database.copy().await;
    app.healthy().await;
    (app, copy)
}

async fn rows(database: &Database) -> i64 {
    database.number("SELECT count(*) FROM events").await
}

/// Waits until the copy says that it is the one that is worked with.
async fn is_kept(database: &Database) {
    let kept = "SELECT count(*) FROM install, pg_database
                 WHERE datname = current_database() AND split_part(copy_id, '/', 2) = oid::text";
    until("the copy is kept", async || database.try_number(kept).await == Some(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_on_a_copy_beside_the_original_is_refused_and_takes_no_partition() {
    let (mut app, copy) = with_a_copy().await;
    let group = app.group().await;

    app.set("DATABASE_URL", &copy.url);
    let place = app.spawn_consumer();
    a_day(&app, 50..100).await;
    until("the process on the copy has ended, or joined the group", async || {
        let joined = app.consumer_client(place).try_get("/readyz").await;
        app.consumer(place).exit_status().is_some() || joined.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    a_day(&app, 100..150).await;
    assert_eq!(balanced(&app).await.stored, 150, "the original has all of its partitions");

    assert_eq!(app.consumer(place).exit_status().and_then(|status| status.code()), Some(1));
    let said = app.consumer(place).log_text();
    for word in ["another copy of the database", &group, "2 members", "oncelog migrate --as-new", "KAFKA_GROUP"] {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
    assert_eq!(rows(&copy).await, 50, "nothing was stored in the copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_was_refused_on_a_copy_stays_refused_while_the_originals_are_away() {
    let (mut app, copy) = with_a_copy().await;
    let (original, group) = (app.database.url.clone(), app.group().await);
    app.set("DATABASE_URL", &copy.url);
    let (refused, said) = app.run("consumer");
    assert_eq!(refused.code(), Some(1), "{said}");

    // Its supervisor starts it again, and the original's consumers are being replaced.
    app.stop_consumers();
    let (refused, said) = app.run("consumer");
    assert_eq!(refused.code(), Some(1), "{said}");
    for word in ["another copy of the database", &group, "stays refused", "oncelog migrate --as-new", "KAFKA_GROUP"] {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
    let found = app.doctor(&[("DATABASE_URL", &copy.url)]);
    found.expect("database copy", "fail", ("stays refused", "oncelog migrate --as-new"));
    let port = stack::free_port().unwrap();
    let (process, api) = (app.spawn_another_api(port), Client::new(port));
    until("the api says whose the copy is not", async || {
        let answer = api.try_get("/readyz").await;
        answer.is_ok_and(|answer| answer.status == 503 && answer.text.contains("stays refused"))
    })
    .await;
    api.try_publish(&event("orders", 1000), ASYNC).await.unwrap().expect(503);
    drop(process);

    app.set("DATABASE_URL", original);
    app.start_consumer().await;
    a_day(&app, 50..100).await;
    assert_eq!(balanced(&app).await.stored, 100);
    assert_eq!(rows(&copy).await, 50, "nothing was stored in the copy");

    let ended = Binary::new().run(&["migrate", "--as-new"], &[("DATABASE_URL", &copy.url)]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    app.set("DATABASE_URL", &copy.url);
    app.start_consumer().await;
    until("the copy has stored all of it, too", async || rows(&copy).await == 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_keep_a_copy_let_those_in_that_were_refused_on_it() {
    let mut app = App::setup().set("KAFKA_SESSION_TIMEOUT", SESSION).start().await;
    a_day(&app, 0..50).await;
    balanced(&app).await;
    let (original, restored) = (app.database.url.clone(), app.database.back_up().await);
    app.healthy().await;
    app.set("DATABASE_URL", app.database.url_of(&restored));
    let (refused, said) = app.run("consumer");
    assert_eq!(refused.code(), Some(1), "{said}");

    app.set("DATABASE_URL", original);
    app.database.restore(restored).await;
    let second = app.spawn_consumer();
    app.consumer_ready(second).await;

    is_kept(&app.database).await;
    a_day(&app, 50..100).await;
    assert_eq!(balanced(&app).await.stored, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_with_a_group_of_its_own_works_beside_the_original_and_only_with_that_group() {
    let (mut app, copy) = with_a_copy().await;

    app.set("DATABASE_URL", &copy.url);
    app.set("KAFKA_GROUP", unique("staging"));
    app.start_consumer().await;
    a_day(&app, 50..100).await;
    assert_eq!(balanced(&app).await.stored, 100);
    until("the copy has stored all of it, too", async || rows(&copy).await == 100).await;
    is_kept(&copy).await;

    // Somebody forgets the setting: the copy is known by now, and its group is not this one.
    app.set("KAFKA_GROUP", "");
    let (status, said) = app.run("consumer");
    assert!(!status.success() && said.contains("this database is worked with by the group staging"), "{said}");
    a_day(&app, 100..150).await;
    assert_eq!(balanced(&app).await.stored, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_became_an_installation_of_its_own_works_beside_the_original() {
    let (mut app, copy) = with_a_copy().await;
    let binary = Binary::new();
    a_day(&app, 50..100).await;
    balanced(&app).await;

    let refused = binary.run(&["migrate", "--as-new"], &[("DATABASE_URL", &app.database.url)]);
    assert_eq!(refused.code, Some(1), "{}", refused.said);
    refused.says(&["consumers work with this database"]);
    let ended = binary.run(&["migrate", "--as-new"], &[("DATABASE_URL", &copy.url)]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let id = copy.texts("SELECT install_id FROM install").await.remove(0);
    ended.says(&["the schema is up to date", &format!("oncelog-{id}")]);
    assert_ne!(format!("oncelog-{id}"), app.group().await);

    app.set("DATABASE_URL", &copy.url);
    app.start_consumer().await;
    a_day(&app, 100..150).await;
    assert_eq!(balanced(&app).await.stored, 150);
    until("the copy has stored all of it, too", async || rows(&copy).await == 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_on_a_copy_beside_the_original_takes_no_events_for_the_originals_topic() {
    let (mut app, copy) = with_a_copy().await;
    let length = app.log.length().await;
    let port = stack::free_port().unwrap();
    app.set("DATABASE_URL", &copy.url);

    let process = app.spawn_another_api(port);
    let api = Client::new(port);
    until("the api says whose the copy is not", async || {
        let answer = api.try_get("/readyz").await;
        answer.is_ok_and(|answer| answer.status == 503 && answer.text.contains("another copy of the database"))
    })
    .await;
    let refused = api.try_publish(&event("orders", 1000), ASYNC).await.unwrap();
    assert_eq!(refused.expect(503).json()["type"], "urn:oncelog:problem:log-not-ready");
    let health = api.get("/health").await.expect(200).json();
    assert_eq!((&health["status"], &health["consumer_running"]), (&json!("degraded"), &json!(false)));
    assert_eq!(api.get("/events?topic=orders&limit=1000").await.expect(200).json().as_array().unwrap().len(), 50);
    assert_eq!(app.log.length().await, length);

    let ended = Binary::new().run(&["migrate", "--as-new"], &[("DATABASE_URL", &copy.url)]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    until("the api takes events, which is decided now", async || {
        let answer = api.try_publish(&event("orders", 1000), ASYNC).await;
        answer.is_ok_and(|answer| answer.status == 202)
    })
    .await;
    drop(process);
}

/// An api on this database, of which it is not decided whether it is a copy beside the original: it takes nothing.
async fn an_undecided_api(app: &mut App, database: &Database) -> (stack::Service, Client) {
    let length = app.log.length().await;
    let port = stack::free_port().unwrap();
    app.set("DATABASE_URL", &database.url);
    let (process, api) = (app.spawn_another_api(port), Client::new(port));
    until("the api says that it is not decided", async || {
        let answer = api.try_get("/readyz").await;
        answer.is_ok_and(|answer| answer.status == 503 && answer.text.contains("it is not decided yet"))
    })
    .await;
    let refused = api.try_publish(&event("orders", 1000), ASYNC).await.unwrap();
    assert_eq!(refused.expect(503).json()["type"], "urn:oncelog:problem:log-not-ready");
    assert_eq!(app.log.length().await, length);
    (process, api)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_not_told_who_is_in_the_group_takes_no_events_on_another_copy() {
    let broker = QuietGroup::start().await;
    let (mut app, copy) = with_a_copy_by(App::setup().at(broker.addresses())).await;

    broker.quiet(true);
    let (process, api) = an_undecided_api(&mut app, &copy).await;

    broker.quiet(false);
    until("the api says whose the copy is not", async || {
        let answer = api.try_get("/readyz").await;
        answer.is_ok_and(|answer| answer.status == 503 && answer.text.contains("has 2 members"))
    })
    .await;
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_on_another_copy_that_only_reads_takes_no_events_while_the_group_has_members() {
    let (mut app, copy) = with_a_copy().await;
    copy.read_only(true).await;

    let (process, api) = an_undecided_api(&mut app, &copy).await;

    app.stop_consumers();
    until("the api takes events: nobody works with the original", async || {
        let answer = api.try_publish(&event("orders", 1000), ASYNC).await;
        answer.is_ok_and(|answer| answer.status == 202)
    })
    .await;
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_was_refused_on_a_copy_takes_no_events_while_the_originals_are_away() {
    let (mut app, copy) = with_a_copy().await;
    let port = stack::free_port().unwrap();
    app.set("DATABASE_URL", &copy.url);
    app.set("LOG_LEVEL", "debug");
    let (process, api) = (app.spawn_another_api(port), Client::new(port));
    until("the api says whose the copy is not", async || {
        let answer = api.try_get("/readyz").await;
        answer.is_ok_and(|answer| answer.status == 503 && answer.text.contains("has 2 members"))
    })
    .await;

    app.stop_consumers();
    let seen = "the group is empty now, and this copy is refused all the same";
    until("the api has seen that", async || app.printed(&format!("api-{port}")).contains(seen)).await;

    api.try_publish(&event("orders", 1000), ASYNC).await.unwrap().expect(503);
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_on_a_restored_copy_join_those_that_run() {
    let mut app = App::setup().set("KAFKA_SESSION_TIMEOUT", SESSION).consumers(2).start().await;
    a_day(&app, 0..50).await;
    balanced(&app).await;
    is_kept(&app.database).await;
    let yesterday = app.database.back_up().await;
    let client = app.client.clone();
    let publishing = tokio::spawn(async move {
        for batch in events("orders", 50..600).chunks(20) {
            publish_until_kept(&client, batch).await;
        }
    });

    app.database.restore(yesterday).await;
    app.consumer(0).kill();
    app.respawn_consumer(0);
    let third = app.spawn_consumer();
    let api = app.another_api(stack::free_port().unwrap()).await;
    publishing.await.unwrap();

    for place in [0, 1, third] {
        app.consumer_ready(place).await;
    }
    is_kept(&app.database).await;
    assert_eq!(balanced(&app).await.stored, 600);
    let said = app.printed("consumer");
    assert!(said.contains("another copy of the database has taken its place"), "{said}");
    assert!(app.consumer(0).is_running() && app.consumer(third).is_running() && api.is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_were_killed_before_a_restore_are_waited_for_until_they_have_left_the_group() {
    let (mut app, _) = with_a_copy().await;
    let yesterday = app.database.back_up().await;
    app.consumer(0).kill();
    app.consumer(1).kill();
    app.database.restore(yesterday).await;

    app.respawn_consumer(0);
    app.respawn_consumer(1);
    app.consumer_ready(0).await;
    app.consumer_ready(1).await;

    is_kept(&app.database).await;
    a_day(&app, 50..100).await;
    assert_eq!(balanced(&app).await.stored, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_copy_that_only_reads_nothing_is_written_and_nobody_is_refused() {
    let mut app = App::setup().set("KAFKA_SESSION_TIMEOUT", SESSION).start().await;
    a_day(&app, 0..50).await;
    balanced(&app).await;
    let yesterday = app.database.back_up().await;
    yesterday.read_only(&app.database).await;
    app.database.restore(yesterday).await;

    // Nobody can say that it is the one that is worked with, while the group has a member.
    let second = app.spawn_consumer();
    until("it is said why it waits", async || app.consumer(second).log_text().contains("another copy")).await;
    app.consumer(0).kill();
    app.consumer_ready(second).await;
    app.database.read_only(false).await;

    is_kept(&app.database).await;
    a_day(&app, 50..100).await;
    assert_eq!(balanced(&app).await.stored, 100);
}
