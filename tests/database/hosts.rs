//! Several hosts in `DATABASE_URL`: people's way to survive a failover.

use stack::free_port;

use crate::support::counters::balanced;
use crate::support::pgbouncer::PgBouncer;
use crate::support::publisher::publish_all;
use crate::support::{App, event, events, until};

/// The database's URL with these ports in the place of its host.
fn url(app: &App, ports: &[u16], parameters: &str) -> String {
    let (login, _) = app.database.url.rsplit_once('@').unwrap();
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    format!("{login}@{}/{}{parameters}", hosts.join(","), app.database.name())
}

/// A host on which nothing can be written: its sessions are those of a role that only reads.
async fn reading_only(app: &App) -> PgBouncer {
    let role = app.database.role().await;
    app.database.administer(format!("ALTER ROLE {role} SET default_transaction_read_only = on")).await;
    PgBouncer::start(&app.database, "pool_mode = session", &format!("user={role} password=right")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_gone_and_one_that_only_reads_are_passed_over() {
    let mut app = App::setup().prepare().await;
    let gone = free_port().unwrap();
    let standby = reading_only(&app).await;
    let primary = PgBouncer::start(&app.database, "pool_mode = session", "").await;
    app.set("DATABASE_URL", url(&app, &[gone, standby.port, primary.port], "?target_session_attrs=read-write"));
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;

    publish_all(&app.client, &events("orders", 0..100), 10).await;
    assert_eq!(balanced(&app).await.stored, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_while_events_flow_is_left_for_the_next() {
    let mut app = App::setup().prepare().await;
    let first = PgBouncer::start(&app.database, "pool_mode = session", "").await;
    let second = PgBouncer::start(&app.database, "pool_mode = session", "").await;
    app.set("DATABASE_URL", url(&app, &[first.port, second.port], ""));
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;

    let client = app.client.clone();
    let publishing = tokio::spawn(async move { publish_all(&client, &events("orders", 0..3_000), 10).await });
    until("events flow", async || app.progress().await > 200).await;
    drop(first);
    publishing.await.unwrap();

    assert_eq!(balanced(&app).await.stored, 3_000);
    app.client.publish(&event("orders", 1)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn why_none_of_the_hosts_will_do_is_said_of_each() {
    let mut app = App::setup().set("MIGRATE_WAIT", "1s").prepare().await;
    let gone = free_port().unwrap();
    let standby = reading_only(&app).await;
    app.set("DATABASE_URL", url(&app, &[gone, standby.port], ""));

    let (status, said) = app.run("migrate");
    assert!(!status.success());
    assert!(said.contains(&format!("127.0.0.1:{gone}: Connection refused")), "{said}");
    assert!(said.contains(&format!("127.0.0.1:{}: read-only", standby.port)), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_vanishes_during_a_migration_is_noticed_and_tried_again() {
    let mut app = App::setup().prepare().await;
    let path = PgBouncer::start(&app.database, "pool_mode = session", "").await;
    app.set("DATABASE_URL", path.url(&app.database));
    // A migration that takes longer than anybody waits.
    let slow = "CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_sleep(600); END $$;
                CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION slow()";
    app.database.execute(slow).await;
    app.spawn_api();
    let under_way = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                        AND application_name = 'oncelog migrations' AND wait_event = 'PgSleep'";
    until("a migration is under way", async || app.database.number(under_way).await > 0).await;

    path.pause();
    until("the api says it", async || super::detail(&app.client).await.contains("no answer within 10 s")).await;

    app.database.end_sessions().await;
    app.database.execute("DROP EVENT TRIGGER slow").await;
    path.resume();
    app.start_consumer().await;
    app.healthy().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
}
