//! Somebody holds a lock that looking at the schema needs.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::both_say;
use crate::support::{App, event};

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
