//! PgBouncer before the database.

use super::both_say;
use crate::support::counters::balanced;
use crate::support::pgbouncer::PgBouncer;
use crate::support::publisher::{publish_all, with_repeats};
use crate::support::{App, events, until};

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_in_session_mode_needs_no_setting_of_its_own() {
    let mut app = App::setup().consumers(2).prepare().await;
    let pooler = PgBouncer::start(&app.database, "pool_mode = session", "").await;
    app.set("DATABASE_URL", pooler.url(&app.database));
    app.start_api().await;
    app.start_consumer().await;
    app.start_consumer().await;
    app.healthy().await;

    let unique = events("orders", 0..2_000);
    publish_all(&app.client, &with_repeats(&unique, 3_000), 20).await;
    app.consumer(0).kill();
    app.respawn_consumer(0);
    let listed = app.client.get("/events?topic=orders&limit=10").await.expect(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(10));

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters, counters.skipped), (2_000, 0, 0));
    // What a stopped consumer's successor waits for ends by the server's own time-out.
    let names = "SELECT DISTINCT application_name FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name LIKE 'oncelog w%'";
    // The one that was killed may have stored everything; who takes over connects then.
    until("a consumer is connected under its name", async || app.database.texts(names).await == ["oncelog writer"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_stopped_behind_pgbouncer_does_not_stop_its_successor() {
    let mut app = App::setup().set("KAFKA_SESSION_TIMEOUT", "6s").prepare().await;
    let pooler = PgBouncer::start(&app.database, "pool_mode = session", "").await;
    app.set("DATABASE_URL", pooler.url(&app.database));
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    // A trigger makes the moment long enough to be met.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$;
                CREATE TRIGGER slow AFTER UPDATE ON progress FOR EACH ROW EXECUTE FUNCTION slow()";
    app.database.execute(slow).await;
    publish_all(&app.client, &events("orders", 0..50), 1).await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'oncelog writer' AND xact_start IS NOT NULL";
    until("a transaction is under way", async || app.database.number(open).await > 0).await;
    app.consumer(0).pause();

    app.database.execute("DROP TRIGGER slow ON progress").await;
    app.start_consumer().await;
    let counters = balanced(&app).await;
    assert_eq!(counters.stored, 50);
    app.consumer(0).kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_in_transaction_mode_is_proved_and_refused() {
    let mut app = App::setup().set("MIGRATE_WAIT", "1s").prepare().await;
    for mode in ["transaction", "statement"] {
        let pooler = PgBouncer::start(&app.database, &format!("pool_mode = {mode}"), "").await;
        app.set("DATABASE_URL", pooler.url(&app.database));
        for command in ["migrate", "consumer"] {
            let (status, said) = app.run(command);
            assert!(!status.success(), "{said}");
            assert!(said.contains("in transaction mode") && said.contains("pool_mode = session"), "{said}");
        }
    }
    assert_eq!(app.database.number("SELECT count(*) FROM pg_tables WHERE tablename = 'events'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_is_full_is_named_in_its_own_words() {
    let mut app = App::setup().prepare().await;
    let settings = "pool_mode = session\nmax_client_conn = 1\nserver_round_robin = 0";
    let pooler = PgBouncer::start(&app.database, settings, "").await;
    app.set("DATABASE_URL", pooler.url(&app.database));
    app.spawn_api();
    app.spawn_consumer();

    both_say(&app, "no more connections allowed").await;
}
