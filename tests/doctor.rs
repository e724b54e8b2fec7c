//! `oncelog doctor` names every fault, in the other side's own words, with what mends it.
//!
//! Each fault is made on the real part. Only clocks that differ, a nearly full disk and a standby are
//! judged by example, in the crates.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use stack::Stack;

use crate::support::events::unique;
use crate::support::faults::Faults;
use crate::support::rights::{Guarded, Operation, Resource};
use crate::support::{App, until};

/// The server's URL with another database behind it.
fn database(app: &App, name: &str) -> String {
    let (server, _) = app.database.url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_works_has_no_failures() {
    let app = App::start().await;
    let port = app.consumer_client(0).address().rsplit(':').next().unwrap().to_owned();
    let settings = [("CONSUMER_PORT", port.as_str()), ("KAFKA_PROPERTIES", "sasl.password=hunter2")];

    let found = app.doctor(&settings);

    assert_eq!(found.code, 1, "{}", found.printed);
    assert_eq!(found.json()["status"], "warn");
    for name in ["cluster", "topic", "rights on topic", "rights on group", "database", "database writable"] {
        found.expect(name, "ok", ("", ""));
    }
    for name in ["database encoding", "database schema", "database rights", "database sessions", "database clock"] {
        found.expect(name, "ok", ("", ""));
    }
    found.expect("api", "ok", ("\"ready\"", ""));
    found.expect("consumer", "ok", ("\"ready\"", ""));
    // What a stack for tests does without.
    found.expect("topic", "warn", ("one replica", ""));
    assert!(!found.printed.contains("\"fail\"") && !found.printed.contains("hunter2"), "{}", found.printed);

    let text = app.doctor_by(Command::new(env!("CARGO_BIN_EXE_oncelog")).arg("doctor"), &settings);
    let lines: Vec<&str> = text.printed.lines().filter(|line| !line.starts_with("  fix: ")).collect();
    assert_eq!(lines.len(), found.json()["checks"].as_array().unwrap().len());
    assert!(
        lines.iter().all(|line| line.starts_with("ok    ") || line.starts_with("warn  ") || line.starts_with("skip  "))
    );
    assert!(!text.printed.contains('\x1b') && !text.printed.contains("hunter2"), "{}", text.printed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_start_will_make_is_a_warning() {
    let app = App::setup().prepare().await;

    let found = app.doctor(&[]);

    found.expect("topic", "warn", ("it will be created at start", "kafka-topics.sh"));
    found.expect("database schema", "warn", ("no tables in schema public yet", "oncelog migrate"));
    found.expect("api", "skipped", ("nothing answers", ""));
    assert_eq!(found.code, 1, "{}", found.printed);

    // Nothing was created; and what the broker would refuse is told.
    let found = app.doctor(&[("KAFKA_REPLICATION", "3")]);
    found.expect(
        "topic",
        "fail",
        ("KAFKA_REPLICATION=3 must be at most the number of brokers", "KAFKA_REPLICATION=1,"),
    );
    app.doctor(&[]).expect("topic", "warn", ("it will be created at start", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_and_a_database_that_are_down_are_told_in_the_systems_words() {
    let faults = Faults::take().await;
    let mut app = App::setup().on(&faults).prepare().await;
    faults.kill_broker();
    faults.kill_database();
    let broker = format!("broker {}", app.log.brokers);

    let found = app.doctor(&[]);

    found.expect(&broker, "fail", ("Connection refused", "nc -vz 127.0.0.1"));
    found.expect("database", "fail", ("Connection refused", "pg_isready -h 127.0.0.1"));
    for name in ["cluster", "topic", "rights on topic", "rights on group"] {
        found.expect(name, "skipped", ("no broker answers", ""));
    }
    found.expect("database schema", "skipped", ("can't be asked", ""));

    app.spawn_api();
    until("the api lives", async || app.client.try_get("/livez").await.is_ok()).await;
    app.doctor(&[]).expect("api", "fail", ("not ready", "mend what is told above"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_leads_elsewhere_is_named() {
    let app = App::setup().prepare().await;
    let database = app.database.url.split(['@', '/']).nth(3).unwrap();
    let wrong_port = format!("broker {database}");
    app.doctor(&[("KAFKA_BROKERS", database)]).expect(
        &wrong_port,
        "fail",
        ("connected, but no broker answers", "kafka-broker-api-versions.sh"),
    );

    let nowhere = "no-such-host.invalid:9092";
    let found = app.doctor(&[("KAFKA_BROKERS", nowhere)]);
    found.expect(
        "broker no-such-host.invalid:9092",
        "fail",
        ("failed to lookup address", "getent hosts no-such-host.invalid"),
    );

    // One that works is enough to go on.
    let both = format!("{nowhere},{}", app.log.brokers);
    let found = app.doctor(&[("KAFKA_BROKERS", &both)]);
    found.expect("broker no-such-host.invalid:9092", "warn", ("failed to lookup address", ""));
    found.expect("cluster", "ok", ("", ""));
    assert_eq!(found.code, 1, "{}", found.printed);

    // This listener names a port on which nobody listens.
    let proxied = Stack::from_env().unwrap().proxied.unwrap();
    let found = app.doctor(&[("KAFKA_BROKERS", &format!("127.0.0.1:{}", proxied.listener))]);
    let named = format!("127.0.0.1:{}: Connection refused", proxied.advertised);
    found.expect("cluster", "fail", (&named, "advertised.listeners"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_silent_ends_within_half_a_minute() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let app = App::setup().prepare().await;
    let database = format!("postgres://oncelog@{address}/oncelog");

    let began = Instant::now();
    let found = app.doctor(&[("KAFKA_BROKERS", address.as_str()), ("DATABASE_URL", &database)]);
    let lasted = began.elapsed();

    assert!(lasted < Duration::from_secs(30), "{lasted:?}");
    found.expect(&format!("broker {address}"), "fail", ("connected, but no broker answers", ""));
    found.expect("database", "fail", ("no answer within 5 s", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_unfit_or_weak_is_told_with_the_command_that_mends_it() {
    for (setting, value, status, mended) in [
        ("cleanup.policy", "compact", "fail", "cleanup.policy=delete"),
        ("max.message.bytes", "1000000", "fail", "max.message.bytes=2097152"),
        ("retention.ms", "1000", "warn", "retention.ms=604800000"),
    ] {
        let app = App::setup().prepare().await;
        let large = ("max.message.bytes", "2097152");
        let others = [large].into_iter().filter(|(name, _)| *name != setting);
        app.log.create(&[(setting, value)].into_iter().chain(others).collect::<Vec<_>>()).await;
        let fix = format!("--entity-name {} --add-config {mended}", app.log.topic);
        let says = format!("{setting}={value}");
        app.doctor_says("topic", status, (&says, &fix)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_on_topic_and_group_that_is_taken_away_is_named() {
    let guarded = Guarded::start().await;
    let app = App::setup().at(guarded.addresses()).prepare().await;
    app.log.create(&[("max.message.bytes", "2097152")]).await;
    let topic = app.log.topic.as_str();
    let found = app.doctor(&[]);
    found.expect("rights on topic", "ok", (topic, ""));
    found.expect("rights on group", "ok", ("oncelog-", ""));
    let told = async |name: &str, says: (&str, &str)| app.doctor_says(name, "fail", says).await;

    guarded.take_away(Operation::Write, Resource::Topic, topic);
    told("rights on topic", ("Write (the api", &format!("--operation Write --topic {topic}"))).await;
    guarded.take_away(Operation::Read, Resource::Topic, topic);
    told("rights on topic", ("Read (the consumer", "--operation Write --operation Read")).await;
    guarded.take_away(Operation::DescribeConfigs, Resource::Topic, topic);
    told("rights on topic", ("DescribeConfigs (the api and the consumer", "")).await;
    let silent = "tells none of the topic's settings";
    app.doctor_says("topic", "warn", (silent, &format!("--operation DescribeConfigs --topic {topic}"))).await;
    guarded.take_away(Operation::Describe, Resource::Topic, topic);
    told("rights on topic", ("Topic authorization failed", "--operation Describe")).await;
    told("topic", ("Topic authorization failed", "--operation Describe")).await;

    let prefixed = "--group oncelog- --resource-pattern-type prefixed";
    guarded.take_away(Operation::Read, Resource::Group, "oncelog-");
    told("rights on group", ("Read (the consumer", prefixed)).await;
    guarded.take_away(Operation::Describe, Resource::Group, "oncelog-");
    told("rights on group", ("Group authorization failed", prefixed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_let_us_in_is_told_in_its_own_words() {
    let app = App::setup().prepare().await;
    let [wrong, nobody] =
        [("oncelog", "hunter2"), ("nobody", "secret")].map(|(user, password)| app.database.url_as(user, password));
    for (url, says, fix) in [
        (wrong, "password authentication failed for user \"oncelog\"", "ALTER ROLE oncelog PASSWORD"),
        (nobody, "password authentication failed for user \"nobody\"", "ALTER ROLE nobody PASSWORD"),
        (
            database(&app, "elsewhere"),
            "database \"elsewhere\" does not exist",
            "CREATE DATABASE elsewhere OWNER oncelog",
        ),
    ] {
        let found = app.doctor(&[("DATABASE_URL", &url)]);
        found.expect("database", "fail", (says, fix));
        assert!(!found.printed.contains("hunter2"), "{}", found.printed);
    }
    let found = app.doctor(&[("DATABASE_URL", "postgres://oncelog:hunter2@127.0.0.1:port/oncelog")]);
    found.expect("database", "fail", ("DATABASE_URL", "postgres://user:password@host:port/database"));
    assert!(!found.printed.contains("hunter2"), "{}", found.printed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_not_be_written_or_can_not_hold_every_event_is_told() {
    let app = App::setup().prepare().await;
    let ascii = unique("ascii");
    app.database.execute(&format!("CREATE DATABASE {ascii} ENCODING 'SQL_ASCII' TEMPLATE template0")).await;
    let found = app.doctor(&[("DATABASE_URL", &database(&app, &ascii))]);
    found.expect("database encoding", "fail", ("server_encoding is SQL_ASCII", "ENCODING 'UTF8'"));
    app.database.execute(&format!("DROP DATABASE {ascii}")).await;

    let read_only = format!("ALTER DATABASE {} SET default_transaction_read_only = on", app.database.name());
    app.database.execute(&read_only).await;
    let found = app.doctor(&[]);
    found.expect("database writable", "fail", ("transaction_read_only is on", "RESET default_transaction_read_only"));
    found.expect("database durability", "warn", ("fsync is off", "SET fsync = on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_older_newer_another_or_elsewhere_is_told() {
    let app = App::setup().prepare().await;
    assert!(app.run("migrate").0.success());
    app.doctor(&[]).expect("database schema", "ok", ("schema public, version", ""));

    app.database.execute("ALTER TABLE _sqlx_migrations RENAME TO kept").await;
    app.database.execute("CREATE TABLE _sqlx_migrations AS SELECT * FROM kept WHERE version < 3").await;
    app.doctor(&[]).expect(
        "database schema",
        "warn",
        ("migrations that are missing in schema public: 3, 4", "oncelog migrate"),
    );
    app.database.execute("DROP TABLE _sqlx_migrations; ALTER TABLE kept RENAME TO _sqlx_migrations").await;

    app.database.execute("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2").await;
    app.doctor(&[]).expect("database schema", "fail", ("migration 2", "run the version of oncelog"));

    let newer = "UPDATE install SET oldest_program = 9999; \
                 INSERT INTO _sqlx_migrations SELECT 9999, 'later', now(), true, '\\x00', 0";
    app.database.execute(newer).await;
    let admits = "schema has version 9999 and admits programs that know version 9999";
    app.doctor(&[]).expect("database schema", "fail", (admits, "run the version of oncelog"));

    let found = app.doctor(&[("DATABASE_SCHEMA", "other")]);
    found.expect("database schema", "fail", ("tables are in the schema public", "DATABASE_SCHEMA=public"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_write_the_tables_is_told_with_the_grant() {
    let app = App::setup().prepare().await;
    assert!(app.run("migrate").0.success());
    let role = app.database.role().await;
    let url = app.database.url_as(&role, "right");
    let settings = [("DATABASE_URL", url.as_str())];
    let grant = format!("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA \"public\" TO {role}");

    let found = app.doctor(&settings);
    found.expect("database schema", "fail", ("permission denied for table _sqlx_migrations", &grant));
    found.expect("database rights", "fail", ("SELECT on events", &grant));

    app.database.execute(&format!("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {role}")).await;
    let found = app.doctor(&settings);
    found.expect("database rights", "fail", ("UPDATE on progress", &grant));
    assert!(!found.printed.contains("INSERT on"), "{}", found.printed);

    app.database.execute(&grant).await;
    app.doctor(&settings).expect("database rights", "ok", (&role, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_beside_the_original_is_told_with_what_makes_it_an_installation_of_its_own() {
    let mut app = App::start().await;
    app.doctor(&[]).expect("database copy", "ok", ("worked with by the group oncelog-", ""));
    let copy = app.database.copy().await;
    app.healthy().await;
    let settings = [("DATABASE_URL", copy.url.as_str())];
    let fix = "oncelog migrate --as-new";

    app.doctor(&settings).expect("database copy", "fail", ("another copy of the database", fix));
    app.stop_consumers();
    app.doctor(&settings).expect("database copy", "warn", ("nobody is in the group", fix));

    let role = copy.role().await;
    let rights = "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO";
    copy.execute(&format!("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; {rights} {role}")).await;
    let url = copy.url_as(&role, "right");
    let told = "by oids alone: pg_control_system() can't be called";
    app.doctor(&[("DATABASE_URL", &url)]).expect("database copy", "warn", (told, fix));
}

#[tokio::test(flavor = "multi_thread")]
async fn few_descriptors_are_told_before_they_run_out() {
    let app = App::setup().prepare().await;
    for (limit, status) in [("70", "fail"), ("1024", "warn"), ("8192", "ok")] {
        let script = format!("ulimit -n {limit}; exec {} doctor -o json", env!("CARGO_BIN_EXE_oncelog"));
        let found = app.doctor_by(Command::new("sh").args(["-c", &script]), &[]);
        let fix = if status == "ok" { "" } else { "LimitNOFILE=" };
        found.expect("descriptors", status, (&format!("ulimit -Hn is {limit}"), fix));
    }
}
