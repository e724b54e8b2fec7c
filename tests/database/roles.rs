//! Owner and services apart, and others who take rows away.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{as_role_without_rights, both_say};
use crate::support::counters::balanced;
use crate::support::events::wire;
use crate::support::log::Record;
use crate::support::publisher::publish_all;
use crate::support::{App, event, event_with, events, until};

/// What the book tells the owner to grant.
async fn grant(app: &App, role: &str) {
    let grants = format!(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;
         GRANT USAGE ON SCHEMA public TO {role};
         GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"
    );
    app.database.execute(&grants).await;
}

/// Owner and services apart, as the book has it.
async fn served_by_a_role() -> App {
    let mut app = App::setup().prepare().await;
    let (status, said) = app.run("migrate");
    assert!(status.success(), "{said}");
    let role = app.database.role().await;
    grant(&app, &role).await;
    app.set("DATABASE_URL", app.database.url_as(&role, "right"));
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_only_read_insert_and_update_is_enough() {
    let app = served_by_a_role().await;

    publish_all(&app.client, &events("orders", 0..300), 10).await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    let changed = event_with("orders", 1, serde_json::json!({"other": true}));
    assert_eq!(app.client.publish(&changed).await.outcomes(), ["conflict"]);
    let records = [Record::new("orders", *b"no event"), Record::new("orders", wire(&event("orders", 301)))];
    app.log.append_to(0, &records).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates, counters.conflicts, counters.dead_letters), (301, 1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_migrate_waits_for_the_owner_and_says_so() {
    let mut app = App::setup().prepare().await;
    let role = as_role_without_rights(&mut app).await;
    app.database.execute(&format!("GRANT USAGE ON SCHEMA public TO {role}")).await;
    app.spawn_api();
    app.spawn_consumer();
    both_say(&app, "run `oncelog migrate` as the role that owns the tables").await;

    app.set("DATABASE_URL", app.database.url.clone());
    let (status, said) = app.run("migrate");
    assert!(status.success(), "{said}");
    both_say(&app, "permission denied for table _sqlx_migrations").await;
    app.database.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC").await;
    grant(&app, &role).await;

    app.healthy().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    assert!(app.printed("consumer").contains("pg_control_system() can't be called"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_use_the_schema_makes_no_temporary_tables_and_waits_for_the_grant() {
    let mut app = App::setup().prepare().await;
    let role = as_role_without_rights(&mut app).await;
    app.spawn_api();
    app.spawn_consumer();
    both_say(&app, "permission denied for schema public").await;
    both_say(&app, "needs USAGE on the schema").await;
    assert_eq!(app.database.number("SELECT count(*) FROM pg_class WHERE relname = '_sqlx_migrations'").await, 0);

    app.database.execute(&format!("GRANT USAGE, CREATE ON SCHEMA public TO {role}")).await;
    app.healthy().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    assert_eq!(app.database.number("SELECT count(*) FROM public.events").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_another_role_deletes_with_an_empty_search_path_raise_the_epoch() {
    let app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    let role = app.database.role().await;
    app.database.execute(&format!("GRANT SELECT, DELETE, TRUNCATE ON events TO {role}")).await;
    let mut session = PgConnection::connect(&app.database.url_as(&role, "right")).await.unwrap();

    let statements = ["DELETE FROM public.events", "TRUNCATE public.events"];
    for (taken, statement) in statements.into_iter().enumerate() {
        let sql = AssertSqlSafe(format!("SET search_path = ''; {statement}"));
        sqlx::raw_sql(sql).execute(&mut session).await.unwrap();
        assert_eq!(app.database.number("SELECT prune_epoch FROM install").await, taken as i64 + 1);
    }

    // Its rights are for events alone: nobody can put the function to another use.
    let steal = "CREATE TEMP TABLE install (prune_epoch int);
                 CREATE TEMP TABLE t (x int);
                 CREATE TRIGGER t AFTER DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION public.events_were_taken_away()";
    let refused = sqlx::raw_sql(steal).execute(&mut session).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied for function"), "{refused}");
    session.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_hides_rows_stops_the_storing_in_place_of_letting_events_in_twice() {
    let app = served_by_a_role().await;
    app.client.publish(&event("orders", 1)).await.expect(200);

    app.database.execute("ALTER TABLE events ENABLE ROW LEVEL SECURITY").await;
    publish_all(&app.client, &events("orders", 1..50), 10).await;
    until("the consumer says why", async || {
        super::detail(app.consumer_client(0)).await.contains("row-level security policy")
    })
    .await;
    app.database.execute("ALTER TABLE events DISABLE ROW LEVEL SECURITY").await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates, counters.dead_letters), (49, 1, 0));
}
