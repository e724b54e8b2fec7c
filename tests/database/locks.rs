//! Somebody holds a lock that looking at the schema needs.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::both_say;
use crate::support::client::ASYNC;
use crate::support::{App, event, until};

async fn run(session: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(session).await.unwrap();
}

async fn pid(session: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(session).await.unwrap()
}

/// The lock under which sqlx migrates, as every version of oncelog does: a factor, and the CRC-32 of
/// the database's name.
fn turn(database: &str) -> i64 {
    let crc = database.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    0x3d32_ad9e * i64::from(!crc)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_locks_the_table_of_migrations_is_named_and_waited_for() {
    let mut app = App::setup().set("MIGRATE_WAIT", "1s").start().await;
    let mut session = app.database.session().await;
    run(&mut session, "SET application_name = 'nightly backup'").await;
    run(&mut session, "BEGIN; LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE").await;
    let holder = format!("waits for a lock that pid {} holds (nightly backup, role ", pid(&mut session).await);

    let (status, said) = app.run("migrate");
    assert!(!status.success() && said.contains(&holder), "{said}");
    assert!(said.contains("idle in transaction since 20") && said.contains("pg_terminate_backend"), "{said}");

    app.stop_api();
    app.stop_consumers();
    app.spawn_api();
    app.spawn_consumer();
    both_say(&app, &holder).await;
    run(&mut session, "ROLLBACK").await;
    app.healthy().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    session.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_locks_a_table_that_is_stored_into_is_named_and_waited_for() {
    let app = App::start().await;
    for (number, lock) in [(1, "LOCK TABLE events IN ACCESS EXCLUSIVE MODE"), (2, "SELECT FROM progress FOR UPDATE")] {
        let mut session = app.database.session().await;
        run(&mut session, "SET application_name = 'nightly backup'").await;
        run(&mut session, &format!("BEGIN; {lock}")).await;
        app.client.try_publish(&event("orders", number), ASYNC).await.unwrap().expect(202);

        let holder =
            format!("storing waits for a lock that pid {} holds (nightly backup, role ", pid(&mut session).await);
        until("the holder is named", async || app.printed("consumer").contains(&holder)).await;
        run(&mut session, "ROLLBACK").await;
        let stored = "SELECT count(*) FROM events";
        until("the event is stored", async || app.database.number(stored).await == number).await;
        session.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_migrates_meanwhile_is_named_and_waited_for() {
    let mut app = App::setup().set("MIGRATE_WAIT", "1s").prepare().await;
    let mut session = app.database.session().await;
    run(&mut session, "SET application_name = 'another migration'").await;
    run(&mut session, &format!("SELECT pg_advisory_lock({})", turn(app.database.name()))).await;
    let holder = format!("that pid {} holds (another migration, role ", pid(&mut session).await);

    let (status, said) = app.run("migrate");
    assert!(!status.success() && said.contains(&holder), "{said}");
    app.spawn_api();
    app.spawn_consumer();
    both_say(&app, &holder).await;
    session.close().await.unwrap();
    app.healthy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_migration_commits_while_the_schema_is_looked_at_is_not_taken_for_another_programs() {
    let app = App::setup().prepare().await;
    let (status, said) = app.run("migrate");
    assert!(status.success(), "{said}");
    // As before the first migration: its tables and its row come with one COMMIT, between two looks.
    let undo = "ALTER TABLE topic_counts RENAME TO kept; CREATE TABLE applied AS SELECT * FROM _sqlx_migrations;
                DELETE FROM _sqlx_migrations";
    app.database.execute(undo).await;
    let mut session = app.database.session().await;
    let redo = "BEGIN; LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE; ALTER TABLE kept RENAME TO topic_counts;
                INSERT INTO _sqlx_migrations SELECT * FROM applied";
    run(&mut session, redo).await;

    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                      AND application_name = 'oncelog migrations' AND wait_event_type = 'Lock'";
    let commit = async {
        until("it looks at the migrations", async || app.database.number(waiting).await > 0).await;
        run(&mut session, "COMMIT").await;
    };
    let (status, said) = std::thread::scope(|scope| {
        let migrate = scope.spawn(|| app.run_blocking("migrate"));
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(commit));
        migrate.join().unwrap()
    });

    assert!(status.success(), "{said}");
    session.close().await.unwrap();
}
