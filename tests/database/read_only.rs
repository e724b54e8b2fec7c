//! A database that only reads: maintenance, a failover that is not over.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;

use super::both_say;
use crate::support::counters::balanced;
use crate::support::faults::Faults;
use crate::support::publisher::publish_all;
use crate::support::{App, event, events, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_read_only_at_the_start_is_gone_on_with_and_stored_in_later() {
    let mut app = App::start().await;
    app.client.publish(&event("orders", 0)).await.expect(200);
    app.stop_api();
    app.stop_consumers();

    app.database.read_only(true).await;
    app.start_api().await;
    app.start_consumer().await;
    let listed = app.client.get("/events?topic=orders").await.expect(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    publish_all(&app.client, &events("orders", 1..200), 10).await;
    let consumer = app.consumer_client(0);
    until("the consumer says why nothing is stored", async || {
        super::detail(consumer).await.contains("in a read-only transaction")
    })
    .await;
    app.database.read_only(false).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters, counters.skipped), (200, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_read_only_while_events_flow_stores_them_later() {
    let app = App::setup().consumers(2).start().await;
    publish_all(&app.client, &events("orders", 0..100), 10).await;

    app.database.read_only(true).await;
    publish_all(&app.client, &events("orders", 100..300), 10).await;
    until("the consumer says why nothing is stored", async || {
        super::detail(app.consumer_client(0)).await.contains("in a read-only transaction")
            || super::detail(app.consumer_client(1)).await.contains("in a read-only transaction")
    })
    .await;
    publish_all(&app.client, &events("orders", 200..400), 10).await;
    app.database.read_only(false).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates), (400, 100));
    assert_eq!((counters.dead_letters, counters.skipped), (0, 0));
}

/// Has the server read its configuration anew, by which it only reads or does not, and waits until it has: it
/// tells its sessions before it lets another one in. They go on, and heed it at their next statement.
async fn server_reads_only(app: &App, on: bool) {
    let (change, shown) = if on {
        ("SET default_transaction_read_only = on", "on")
    } else {
        ("RESET default_transaction_read_only", "off")
    };
    app.database.administer(format!("ALTER SYSTEM {change}")).await;
    app.database.administer("SELECT pg_reload_conf()".to_owned()).await;
    until("the server has read its configuration", async || {
        let mut session = app.database.session().await;
        let asked = sqlx::query_scalar::<_, String>("SHOW default_transaction_read_only");
        asked.fetch_one(&mut session).await.unwrap() == shown
    })
    .await;
}

async fn store_nothing_for_a_while(app: &App) {
    publish_all(&app.client, &events("orders", 100..300), 10).await;
    until("the consumer says why nothing is stored", async || {
        super::detail(app.consumer_client(0)).await.contains("in a read-only transaction")
    })
    .await;
    let listed = app.client.get("/events?topic=orders&limit=200").await.expect(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_turns_read_only_under_its_sessions_is_read_from_and_stored_in_later() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).start().await;
    publish_all(&app.client, &events("orders", 0..100), 10).await;
    app.drained().await;
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                       AND application_name = 'oncelog writer'";
    assert!(app.database.number(sessions).await > 0);

    server_reads_only(&app, true).await;
    let done = AssertUnwindSafe(store_nothing_for_a_while(&app)).catch_unwind().await;
    // Whatever came of it: the next test has this server, too.
    server_reads_only(&app, false).await;
    done.unwrap_or_else(|panic| resume_unwind(panic));

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters, counters.skipped), (300, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_without_the_schema_is_waited_for_loudly() {
    let mut app = App::setup().set("MIGRATE_WAIT", "1s").prepare().await;
    app.database.read_only(true).await;

    let (status, said) = app.run("migrate");
    assert!(!status.success());
    assert!(said.contains("read-only (default_transaction_read_only)") && said.contains("migration 1, 2, 3"), "{said}");
    app.spawn_api();
    app.spawn_consumer();
    both_say(&app, "read-only (default_transaction_read_only)").await;
    app.database.read_only(false).await;

    app.healthy().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
}
