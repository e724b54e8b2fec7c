//! Who is not let in says why, and says it once.

use stack::free_port;

use super::{both_say, warnings};
use crate::support::counters::balanced;
use crate::support::publisher::publish_until_kept;
use crate::support::{App, event, events, until};

/// An app whose processes log every attempt, too.
async fn talkative() -> App {
    App::setup().set("LOG_LEVEL", "info,api=debug,consumer=debug").prepare().await
}

/// How often it was tried, by the lines that only a talkative log has.
fn attempts(app: &App, name: &str, words: &str) -> usize {
    let printed = app.printed(name);
    let tries = |line: &&str| line.contains("DEBUG") && line.contains(words);
    printed.lines().filter(tries).count()
}

async fn said_once(app: &App, words: &str) {
    both_say(app, words).await;
    for name in ["api", "consumer"] {
        until("it is tried again and again", async || attempts(app, name, words) >= 3).await;
        assert_eq!(warnings(app, name, words), 1, "{}", app.printed(name));
        assert!(!app.printed(name).contains("pool timed out"));
        assert!(!app.printed(name).contains("wr0ng"), "the password is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_named_once_and_mended_without_a_restart() {
    let mut app = talkative().await;
    let role = app.database.role().await;
    app.database.give_to(&role).await;
    app.set("DATABASE_URL", app.database.url_as(&role, "wr0ng"));
    app.spawn_api();
    app.spawn_consumer();

    said_once(&app, &format!("password authentication failed for user \"{role}\"")).await;
    app.database.administer(format!("ALTER ROLE {role} PASSWORD 'wr0ng'")).await;

    app.healthy().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    assert_eq!(balanced(&app).await.stored, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_is_named_once() {
    let mut app = talkative().await;
    let (server, _) = app.database.url.rsplit_once('/').unwrap();
    app.set("DATABASE_URL", format!("{server}/nowhere"));
    app.spawn_api();
    app.spawn_consumer();

    said_once(&app, "database \"nowhere\" does not exist").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_port_is_named_once() {
    let mut app = talkative().await;
    let port = free_port().unwrap();
    app.set("DATABASE_URL", format!("postgres://oncelog:wr0ng@127.0.0.1:{port}/oncelog"));
    app.spawn_api();
    app.spawn_consumer();

    said_once(&app, &format!("127.0.0.1:{port}: Connection refused")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_shut_out_while_events_flow_is_waited_for() {
    let mut app = App::setup().prepare().await;
    let role = app.database.role().await;
    app.database.give_to(&role).await;
    app.set("DATABASE_URL", app.database.url_as(&role, "right"));
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    app.client.publish(&event("orders", 0)).await.expect(200);

    let cases = [
        ("NOLOGIN", "LOGIN", "is not permitted to log in"),
        ("VALID UNTIL '2001-01-01'", "VALID UNTIL 'infinity'", "password authentication failed"),
        ("CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "too many connections for role"),
    ];
    for (number, (shut, open, words)) in cases.into_iter().enumerate() {
        app.database.administer(format!("ALTER ROLE {role} {shut}")).await;
        app.database.end_sessions().await;
        both_say(&app, words).await;
        publish_until_kept(&app.client, &events("orders", [number + 1])).await;
        app.database.administer(format!("ALTER ROLE {role} {open}")).await;
        app.healthy().await;
        app.drained().await;
    }

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_not_understood_ends_the_start_and_shows_no_password() {
    let mut app = App::setup().prepare().await;
    let cases = [
        ("jdbc:postgresql://db:5432/oncelog?user=u&password=wr0ng", "take jdbc: away"),
        ("postgresql+asyncpg://u:wr0ng@db/oncelog", "postgresql+driver://"),
        ("postgres://u:wr0ng@db/oncelog?schema=app", "set DATABASE_SCHEMA"),
        ("postgres://u:wr0ng/a#b@db/oncelog", "must be percent-encoded"),
        ("postgres://u:wr0ng@db:5432,other:5433/oncelog?target_session_attrs=standby", "oncelog writes"),
        ("postgres://u:wr0ng@db/oncelog?sslmode=verify-full", "built without"),
    ];
    for (url, words) in cases {
        app.set("DATABASE_URL", url);
        for command in ["api", "consumer", "migrate"] {
            let (status, said) = app.run(command);
            assert!(!status.success(), "{url}");
            let form = "postgres://user:password@host:5432/database";
            assert!(said.contains("DATABASE_URL") && said.contains(words) && said.contains(form), "{said}");
            assert!(!said.contains("wr0ng"), "{said}");
        }
    }
}
