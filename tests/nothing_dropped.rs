//! Nothing is dropped silently: what can't be stored is a dead letter with its bytes and its
//! reason; what the database refuses for its own reasons waits.

use serde_json::json;

use crate::support::client::ASYNC;
use crate::support::counters::{Counters, balanced};
use crate::support::events::{TIMESTAMP, unique, wire};
use crate::support::log::Record;
use crate::support::{App, event, event_with, events, until};

type DeadLetter = (Option<Vec<u8>>, Option<Vec<u8>>, String);

/// Puts one record between two good ones, straight onto the topic, and returns its dead letter's
/// reason. The neighbours must be stored, and the record kept as it was.
async fn dead_letter_of(app: &App, record: Record) -> String {
    let before = balanced(app).await;
    let good = |n: i64| Record::new("good", wire(&event("good", n)));
    let next = before.consumed() + before.skipped;
    let records = [good(next), record.clone(), good(next + 1)];

    let offset = app.log.append_to(0, &records).await[1];
    let after = balanced(app).await;

    assert_eq!(after.stored, before.stored + 2, "the neighbours");
    assert_eq!(after.dead_letters, before.dead_letters + 1);
    let row: DeadLetter =
        sqlx::query_as(r#"SELECT key, value, reason FROM dead_letters WHERE partition = 0 AND "offset" = $1"#)
            .bind(offset)
            .fetch_one(app.database.pool())
            .await
            .unwrap();
    assert_eq!((row.0, row.1), (record.key, record.value), "its bytes");
    row.2
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_becomes_a_dead_letter_with_its_bytes_and_the_reason() {
    let app = App::start().await;
    let of = |value: &str| Record::new("key", value);
    let with = |payload: &str| {
        format!(r#"{{"topic":"t","event_id":"1","source":"s","timestamp":"{TIMESTAMP}","payload":{payload}}}"#)
    };
    let cases = [
        ("not JSON", of("hello"), ""),
        ("cut off", of(r#"{"topic":"t""#), ""),
        ("no UTF-8", Record::new("key", [0xff, 0xfe, b'{']), ""),
        ("empty", of(""), ""),
        ("no value", Record::without_value("key"), "no value"),
        ("no key either", Record { key: None, ..of("x") }, ""),
        ("a list", of("[]"), ""),
        ("a number", of("1"), ""),
        ("a batch", of(r#"{"events":[]}"#), "topic"),
        ("no topic", of(r#"{"event_id":"1"}"#), "/topic"),
        ("a blank id", of(&event("t", " ").to_string()), "/event_id"),
        ("a long id", of(&event("t", "x".repeat(256)).to_string()), "/event_id"),
        ("a payload that is a list", of(&with("[]")), "/payload"),
        ("NUL in a payload", of(&with(r#"{"a":"\u0000"}"#)), "/payload/a"),
        ("half a surrogate pair", of(&with(r#"{"a":"\ud800"}"#)), "/payload/a"),
        ("a number out of range", of(&with(r#"{"a":1e400}"#)), "/payload/a"),
    ];

    for (what, record, named) in cases {
        let reason = dead_letter_of(&app, record).await;
        assert!(!reason.is_empty() && reason.contains(named), "{what}: {reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_1_2_megabytes_is_a_dead_letter_and_its_neighbours_are_stored() {
    let app = App::start().await;
    let large = event_with("t", "large", json!({ "text": "x".repeat(1_200_000) }));

    let reason = dead_letter_of(&app, Record::new("key", wire(&large))).await;

    assert!(!reason.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_event_of_900_kilobytes_is_stored() {
    let app = App::start().await;
    let text = "x".repeat(900_000);
    let by_hand = event_with("t", "by hand", json!({ "text": text }));
    let over_http = event_with("t", "over HTTP", json!({ "text": text }));

    app.log.append_to(0, &[Record::new("key", wire(&by_hand))]).await;
    app.client.publish(&over_http).await.expect(200);

    assert_eq!(balanced(&app).await.stored, 2);
    for id in ["by%20hand", "over%20HTTP"] {
        let stored = app.client.get(&format!("/events/t/{id}")).await.expect(200);
        assert_eq!(stored.get("payload")["text"].as_str().unwrap().len(), 900_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_keeps_the_headers_of_its_record() {
    let app = App::start().await;
    let record = Record::new("key", "not JSON").header("traceparent", b"00-abc").header("raw", &[0xff, 0x00]);

    app.log.append_to(0, &[record]).await;
    balanced(&app).await;

    let kept = app.database.texts("SELECT headers FROM dead_letters").await;
    let kept: serde_json::Value = serde_json::from_str(&kept[0]).unwrap();
    // Values in Base64, since a header may hold any bytes.
    assert_eq!(kept, json!([["traceparent", "MDAtYWJj"], ["raw", "/wA="]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_first_last_and_everywhere_in_a_batch_stores_the_rest() {
    let mut app = App::start().await;
    app.stop_consumers();
    let good = |n: usize| Record::new("k", wire(&event("t", n)));
    let bad = || Record::new("k", r#"{"topic":"t","payload":"\ud800"}"#);
    let mut records = vec![bad()];
    records.extend((0..20).map(good));
    records.push(bad());
    records.extend((20..60).flat_map(|n| [good(n), bad()]));

    app.log.append_to(0, &records).await;
    app.start_consumer().await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters), (60, 42));
}

/// PostgreSQL refuses these rows as it would refuse data that it can't hold. Our own checks let
/// nothing through that it refuses today; a newer or older server may see it otherwise.
async fn let_the_database_refuse(app: &App, condition: &str, code: &str) {
    app.database
        .execute(&format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
               IF {condition} THEN
                 RAISE EXCEPTION 'refused by the test' USING ERRCODE = '{code}';
               END IF;
               RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON events
                FOR EACH ROW EXECUTE FUNCTION refuse();"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_only_the_database_refuses_is_searched_out_and_the_rest_is_stored() {
    let mut app = App::start().await;
    let_the_database_refuse(&app, "NEW.event_id IN ('0', '33', '99')", "22P05").await;
    app.stop_consumers();
    let records: Vec<Record> = (0..100).map(|n| Record::new("k", wire(&event("t", n)))).collect();

    app.log.append_to(0, &records).await;
    app.start_consumer().await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters), (97, 3));
    let reasons = "SELECT DISTINCT reason FROM dead_letters";
    let reasons = app.database.texts(reasons).await;
    assert!(reasons.iter().all(|reason| reason.contains("refused by the test")), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_the_database_refuses_is_kept_without_its_bytes() {
    let app = App::start().await;
    app.database
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'too large for the test' USING ERRCODE = '54000'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON dead_letters
                FOR EACH ROW WHEN (length(NEW.value) > 100) EXECUTE FUNCTION refuse()",
        )
        .await;
    let good = |n: i64| Record::new("good", wire(&event("good", n)));
    let (large, small) = (Record::new("key", "x".repeat(1_000)), Record::new("key", "x"));

    app.log.append_to(0, &[good(1), large, small, good(2)]).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters), (2, 2));
    let kept = r#"SELECT coalesce(length(value), -1) || ' ' || reason FROM dead_letters ORDER BY "offset""#;
    let kept = app.database.texts(kept).await;
    assert!(kept[0].starts_with("-1 not an event") && kept[1].starts_with("1 not an event"), "{kept:?}");
    let told = ["too large for the test (54000)", "value 1000 bytes with SHA-256 44f83544"];
    assert!(told.iter().all(|told| kept[0].contains(told)), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_database_refuses_is_answered_as_a_dead_letter() {
    let app = App::start().await;
    let_the_database_refuse(&app, "NEW.event_id = 'bad'", "22P02").await;
    let batch = json!([event("t", "good"), event("t", "bad"), event("t", "fine")]);

    let answer = app.client.publish(&batch).await.expect(200);

    assert_eq!(answer.outcomes(), ["stored", "dead_letter", "stored"]);
    let body = answer.json();
    // received = accepted + duplicate_dropped + dead_letters
    assert_eq!((&body["received"], &body["accepted"]), (&json!(3), &json!(2)));
    assert_eq!(body["duplicate_dropped"], 0);
    assert_eq!(body["dead_letters"], 1);
    app.client.get("/events/t/bad").await.expect_problem(404);
    balanced(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_refused_event_are_dead_letters_each_and_their_neighbours_are_judged_anew() {
    let app = App::start().await;
    let_the_database_refuse(&app, "NEW.event_id = 'bad'", "22P02").await;
    let of = |amount: i64| event_with("t", "a", json!({ "amount": amount }));
    let bad = || event("t", "bad");
    let batch = json!([bad(), of(1), of(1), bad(), of(2), of(2), bad(), of(1)]);

    let answer = app.client.publish(&batch).await.expect(200);

    let expected =
        ["dead_letter", "stored", "duplicate", "dead_letter", "conflict", "conflict", "dead_letter", "duplicate"];
    assert_eq!(answer.outcomes(), expected);
    let expected = Counters { stored: 1, duplicates: 2, conflicts: 2, dead_letters: 3, ..Counters::default() };
    assert_eq!(balanced(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_utf8_is_refused() {
    let app = App::setup().prepare().await;
    let name = unique("ascii");
    let create = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
    app.database.execute(&create).await;
    let (server, _) = app.database.url.rsplit_once('/').unwrap();
    let other = App::setup().set("DATABASE_URL", format!("{server}/{name}")).prepare().await;

    let (status, printed) = other.run("migrate");

    app.database.execute(&format!("DROP DATABASE {name}")).await;
    assert!(!status.success());
    assert!(printed.contains("SQL_ASCII"), "{printed}");
}

/// The environment refuses: nothing may be dead-lettered, everything drains when it is mended.
async fn waits_out(app: &App, breaks: &str, mends: &str) {
    app.database.execute(breaks).await;
    let batch = json!(events("t", 0..10));
    let answer = app.client.try_publish(&batch, ("prefer", "wait=1")).await.unwrap();
    answer.expect(202);
    until("the consumer says that it waits", async || app.printed("consumer").contains("paused")).await;
    assert_eq!(app.database.number("SELECT count(*) FROM dead_letters").await, 0);
    assert_eq!(app.database.number("SELECT count(*) FROM events").await, 0);

    app.database.execute(mends).await;

    let expected = Counters { stored: 10, ..Counters::default() };
    assert_eq!(balanced(app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_pauses_and_dead_letters_nothing() {
    let app = App::start().await;
    waits_out(
        &app,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON events
            FOR EACH STATEMENT EXECUTE FUNCTION full_disk();",
        "DROP TRIGGER full_disk ON events",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_that_somebody_added_pauses_and_dead_letters_nothing() {
    let app = App::start().await;
    waits_out(
        &app,
        "ALTER TABLE events ADD CONSTRAINT not_this_one CHECK (event_id <> '7')",
        "ALTER TABLE events DROP CONSTRAINT not_this_one",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_good_and_bad_rows_alike_is_the_databases_and_no_records_fault() {
    let app = App::start().await;
    waits_out(
        &app,
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'all data are bad' USING ERRCODE = '22P02'; END $$;
         CREATE TRIGGER broken BEFORE INSERT ON events
            FOR EACH ROW EXECUTE FUNCTION broken();",
        "DROP TRIGGER broken ON events",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_that_cannot_be_written_are_no_records_fault() {
    for (table, operation) in [("topic_counts", "INSERT"), ("progress", "UPDATE")] {
        let app = App::start().await;
        waits_out(
            &app,
            &format!(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN RAISE EXCEPTION 'counts nothing' USING ERRCODE = '22003'; END $$;
                 CREATE TRIGGER broken BEFORE {operation} ON {table}
                    FOR EACH ROW EXECUTE FUNCTION broken();"
            ),
            &format!("DROP TRIGGER broken ON {table}"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_trigger_leaves_out_are_not_counted_as_stored() {
    let app = App::start().await;
    waits_out(
        &app,
        "CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER leave_out BEFORE INSERT ON events
            FOR EACH ROW EXECUTE FUNCTION leave_out();",
        "DROP TRIGGER leave_out ON events",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_every_codec_that_kafka_knows_are_stored() {
    let app = App::start().await;
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        // librdkafka compresses only what gets smaller.
        let event = event_with("t", codec, json!({ "text": "x".repeat(10_000) }));
        app.log.append_compressed(codec, 0, &[Record::new("k", wire(&event))]).await;
    }

    assert_eq!(balanced(&app).await.stored, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_compresses_with_zstd_is_read() {
    let mut app = App::setup().prepare().await;
    app.log.create(&[("compression.type", "zstd"), ("max.message.bytes", "2097152")]).await;
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;

    let batch: Vec<_> = (0..20).map(|n| event_with("t", n, json!({ "text": "x".repeat(1_000) }))).collect();
    app.client.publish(&json!(batch)).await.expect(200);

    assert_eq!(balanced(&app).await.stored, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_refused_just_before_the_database_was_mended_is_stored() {
    let app = App::start().await;
    app.database.execute("CREATE SEQUENCE tries").await;
    let_the_database_refuse(&app, "nextval('tries') = 1", "22P02").await;

    let answer = app.client.publish(&event("t", "a")).await.expect(200);

    assert_eq!(answer.outcomes(), ["stored"]);
    assert!(app.database.number("SELECT last_value FROM tries").await > 1, "it was refused first");
    assert_eq!(balanced(&app).await, Counters { stored: 1, ..Counters::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_refused_twice_with_another_failure_in_between_is_stored() {
    let app = App::start().await;
    app.database
        .execute(
            "CREATE SEQUENCE tries;
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE try bigint := nextval('tries');
             BEGIN
               -- The second try is of the good row, and so is the fifth.
               IF try IN (1, 4) THEN RAISE EXCEPTION 'refused by the test' USING ERRCODE = '22P02'; END IF;
               IF try = 3 THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF;
               RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse();",
        )
        .await;

    let answer = app.client.publish(&event("t", "a")).await.expect(200);

    assert_eq!(answer.outcomes(), ["stored"]);
    assert_eq!(app.database.number("SELECT last_value FROM tries").await, 6);
    assert_eq!(balanced(&app).await, Counters { stored: 1, ..Counters::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_locked_by_an_outsider_are_waited_for() {
    let app = App::start().await;
    app.client.publish(&event("t", "before")).await.expect(200);
    let mut outsider = app.database.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE").execute(&mut *outsider).await.unwrap();

    let batch = json!(events("t", 0..10));
    app.client.try_publish(&batch, ASYNC).await.unwrap().expect(202);
    until("a writer waits for the lock", async || {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        app.database.number(waiting).await > 0
    })
    .await;
    outsider.rollback().await.unwrap();

    assert_eq!(balanced(&app).await.stored, 11);
}
