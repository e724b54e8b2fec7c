//! One schema, named, whatever anybody's `search_path` says.

use super::{as_role_without_rights, both_say};
use crate::support::counters::balanced;
use crate::support::{App, event, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_named_like_the_role_is_no_second_installation() {
    let mut app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    app.stop_api();
    app.stop_consumers();

    // PostgreSQL's default search_path begins with "$user".
    let role = app.database.role().await;
    let grants = "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO";
    app.database.execute(&format!("{grants} {role}; CREATE SCHEMA {role} AUTHORIZATION {role}")).await;
    app.database
        .execute(&format!("CREATE TABLE {role}.events (nothing int); CREATE TABLE {role}.install (x int)"))
        .await;
    app.set("DATABASE_URL", app.database.url_as(&role, "right"));
    app.start_api().await;
    app.start_consumer().await;

    app.healthy().await;
    let again = app.client.publish(&event("orders", 1)).await.expect(200);
    assert_eq!(again.outcomes(), ["duplicate"]);
    assert_eq!(balanced(&app).await.stored, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_another_schema_are_pointed_to_and_gone_on_with_once_it_is_set() {
    let mut app = App::setup().set("MIGRATE_WAIT", "1s").start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    app.stop_api();
    app.stop_consumers();
    app.database.execute("ALTER SCHEMA public RENAME TO \"Ereignisse \"\"2\"\"\"; CREATE SCHEMA public").await;
    // The tests look where the tables are.
    let look = "SET search_path = \"Ereignisse \"\"2\"\"\"";
    app.database.administer(format!("ALTER DATABASE {} {look}", app.database.name())).await;

    let words = "tables are in the schema Ereignisse \"2\" of this database, and there are none in public: \
                 set DATABASE_SCHEMA=Ereignisse \"2\"";
    for command in ["migrate", "consumer"] {
        let (status, said) = app.run(command);
        assert!(!status.success() && said.contains(words), "{said}");
    }
    app.spawn_api();
    until("the api says it", async || super::detail(&app.client).await.contains(words)).await;
    app.stop_api();

    app.set("DATABASE_SCHEMA", "Ereignisse \"2\"");
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    assert_eq!(app.client.publish(&event("orders", 1)).await.expect(200).outcomes(), ["duplicate"]);
    let epoch = "SELECT prune_epoch FROM \"Ereignisse \"\"2\"\"\".install";
    let before = app.database.number(epoch).await;
    app.database.execute("DELETE FROM \"Ereignisse \"\"2\"\"\".events").await;
    assert_eq!(app.database.number(epoch).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_missing_is_created_and_the_tables_go_there() {
    let mut app = App::setup().set("DATABASE_SCHEMA", "inbox").prepare().await;
    // Somebody else's tables, in the schema that comes first to everybody else.
    app.database.execute("CREATE TABLE events (theirs int); CREATE TABLE progress (theirs int)").await;
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;

    app.client.publish(&event("orders", 1)).await.expect(200);
    assert_eq!(app.database.number("SELECT count(*) FROM inbox.events").await, 1);
    assert_eq!(app.database.number("SELECT count(*) FROM public.events").await, 0);
    let epoch = "SELECT prune_epoch FROM inbox.install";
    let before = app.database.number(epoch).await;
    app.database.execute("DELETE FROM inbox.events").await;
    assert_eq!(app.database.number(epoch).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_table_of_migrations_is_not_taken_for_ours() {
    let mut app = App::setup().set("MIGRATE_WAIT", "1s").prepare().await;
    let theirs = "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
                      installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL,
                      checksum bytea NOT NULL, execution_time bigint NOT NULL);
                  INSERT INTO _sqlx_migrations VALUES (20240101000000, 'users', now(), true, 'x', 1)";
    app.database.execute(theirs).await;

    let (status, said) = app.run("migrate");
    assert!(!status.success() && said.contains("belongs to another program: set DATABASE_SCHEMA"), "{said}");
    app.set("DATABASE_SCHEMA", "oncelog");
    let (status, said) = app.run("migrate");
    assert!(status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_may_not_be_used_is_named() {
    let mut app = App::setup().prepare().await;
    let (status, said) = app.run("migrate");
    assert!(status.success(), "{said}");
    as_role_without_rights(&mut app).await;
    app.spawn_api();
    app.spawn_consumer();

    both_say(&app, "permission denied for schema public").await;
    both_say(&app, "needs USAGE on the schema and SELECT, INSERT, UPDATE on its tables").await;
}
