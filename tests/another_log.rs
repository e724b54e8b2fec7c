//! Whose log, whose layout, whose group: what is stored belongs to one incarnation of one log, laid out in
//! one way, and to one database; what belongs to another is noticed and never mixed in.

use std::ops::Range;

use serde_json::json;

use crate::support::client::ASYNC;
use crate::support::counters::balanced;
use crate::support::events::wire;
use crate::support::log::{AS_OURS, Record};
use crate::support::{App, event, event_with, events, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_below_what_was_stored_is_read_anew_from_its_beginning() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    app.stop_consumers();

    app.pretend_a_lost_tail().await;
    app.start_consumer().await;
    app.incarnations(2).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates), (30, 30));
    assert!(app.printed("consumer").contains("ends below what was stored"), "an alarm in the log");
    // Without a verdict: the api may not have seen yet that the consumer is back.
    app.client.try_publish(&event("orders", 30), ASYNC).await.unwrap().expect(202);
    assert_eq!(balanced(&app).await.stored, 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_read_again_that_left_no_trace_shows_that_the_log_is_another() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    app.stop_consumers();

    // As if the log had held another record where event 7 lies now; the sums stay right.
    app.database.execute(WITHOUT_A_TRACE).await;
    app.forget_the_witness().await;
    app.rewind().await;
    app.start_consumer().await;
    app.incarnations(2).await;

    let counters = balanced(&app).await;
    assert_eq!(app.database.number("SELECT count(*) FROM events").await, 30, "not lost by its position");
    assert_eq!((counters.stored, counters.duplicates), (30, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_record_is_kept_as_the_log_has_it_and_a_restart_reads_it_without_counting_it() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    let kept = "SELECT format('%s %s %s', next_offset - witness_offset, witness_epoch >= 0, witness_hash IS NOT NULL)
                  FROM progress WHERE stored > 0";
    assert_eq!(app.database.texts(kept).await, ["1 t t"]);

    app.stop_consumers();
    app.log.commit(&app.group().await, |ends| ends.high).await;
    app.start_consumer().await;
    app.client.try_publish(&event("orders", 30), ASYNC).await.unwrap().expect(202);

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.redelivered), (31, 0));
    assert_eq!(app.database.texts(kept).await, ["1 t t"], "of the newest");
}

/// Event 7 is gone, and was counted as a repeat.
const WITHOUT_A_TRACE: &str = "
    DELETE FROM events WHERE event_id = '7';
    UPDATE progress SET stored = stored - 1, duplicates = duplicates + 1 WHERE stored > 0;
    UPDATE topic_counts SET stored = stored - 1, duplicates = duplicates + 1;";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_no_sign_of_another_log_while_the_last_record_is_the_same() {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    let partition = app.partition().await;
    app.log.append_to(partition, &[Record::new("x", "not JSON")]).await;
    app.client.publish(&event("orders", 30)).await.expect(200);
    balanced(&app).await;
    app.stop_consumers();

    app.database.execute(WITHOUT_A_TRACE).await;
    app.database.execute("DELETE FROM dead_letters").await;
    app.rewind().await;
    app.start_consumer().await;
    until("everything has been read again", async || app.stats().await["redelivered"] == 32).await;

    app.client.try_publish(&event("orders", 31), ASYNC).await.unwrap().expect(202);
    app.drained().await;
    let incarnations = app.database.number("SELECT count(*) FROM logs").await;
    let stored = app.database.number("SELECT count(*) FROM events").await;
    assert_eq!((incarnations, stored), (1, 31), "one incarnation; event 7 stays deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_rules_no_longer_let_be_an_event_is_known_by_its_position() {
    let mut app = App::start().await;
    app.log.append_to(0, &[Record::new("x", "an event once"), Record::new("x", "its repeat")]).await;
    app.log.append_to(0, &[Record::new("orders", wire(&event("orders", 0)))]).await;
    balanced(&app).await;
    app.stop_consumers();

    // As a program with other rules stored them: an event, and a duplicate of it.
    app.database
        .execute(
            "INSERT INTO events (topic, event_id, timestamp, source, payload, log_id, partition, \"offset\")
             SELECT 'lax', 'once', now(), 's', '{}', log_id, partition, \"offset\" FROM dead_letters WHERE \"offset\" = 0;
             DELETE FROM dead_letters;
             UPDATE progress SET stored = 2, duplicates = 1, dead_letters = 0 WHERE partition = 0;
             INSERT INTO topic_counts (topic, log_id, partition, stored, duplicates)
             SELECT 'lax', log_id, 0, 1, 1 FROM logs;",
        )
        .await;
    app.rewind().await;
    app.start_consumer().await;
    until("everything has been read again", async || app.stats().await["redelivered"] == 3).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates, counters.dead_letters), (2, 1, 0));
    assert_eq!(app.database.number("SELECT count(*) FROM logs").await, 1);
}

/// Records of these events.
fn records(numbers: Range<usize>) -> Vec<Record> {
    events("orders", numbers).iter().map(|event| Record::new("orders", wire(event))).collect()
}

/// A log of which all was stored and committed, now filled with other events, and longer than it was.
async fn refilled() -> App {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    let partition = app.partition().await;
    app.stop_consumers();
    app.stop_api();
    app.refill(partition, &records(100..140)).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_filled_anew_beyond_what_was_stored_is_read_from_its_beginning() {
    let mut app = refilled().await;

    app.start_api().await;
    app.start_consumer().await;
    app.incarnations(2).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates, counters.redelivered), (70, 0, 0), "none of them is lost");
    assert!(app.printed("consumer").contains("another record"), "an alarm in the log");
}

/// An api was given this offset of the partition for a new record.
async fn suspect(app: &App, offset: i64) {
    let sql = format!("UPDATE progress SET suspected_offset = {offset} WHERE stored > 0");
    app.database.execute(&sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_api_suspects_is_read_again_and_believed_if_it_was_stored() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;

    suspect(&app, 10).await;
    let suspected = "SELECT count(*) FROM progress WHERE suspected_offset IS NOT NULL";
    until("nothing is suspected any more", async || app.database.number(suspected).await == 0).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates, counters.redelivered), (30, 0, 20), "read again from there");
    assert_eq!(app.database.number("SELECT count(*) FROM logs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_api_suspects_and_was_never_stored_is_another_logs_whatever_was_the_last_record() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;

    // Its end was lost and filled anew, event 7 with it, and the rest stored from there, the last record too.
    app.database.execute(WITHOUT_A_TRACE).await;
    suspect(&app, 5).await;
    app.incarnations(2).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates), (30, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_where_a_dead_letter_or_a_conflict_lay_shows_that_the_log_is_another() {
    for last in [Record::new("orders", "not JSON"), Record::new("orders", wire(&event_with("orders", 0, json!({}))))] {
        let mut app = App::start().await;
        app.client.publish(&event("orders", 0)).await.expect(200);
        let partition = app.partition().await;
        app.log.append_to(partition, &[last]).await;
        balanced(&app).await;
        app.stop_consumers();
        app.stop_api();

        app.refill(partition, &records(0..2)).await;
        app.forget_the_witness().await;
        app.rewind().await;
        app.start_api().await;
        app.start_consumer().await;
        app.incarnations(2).await;

        assert_eq!(balanced(&app).await.stored, 2, "event 1 is not taken for what lay at its position");
    }
}

/// One event after the other, until the condition holds; none of them waits longer than it prefers.
async fn publish_until(app: &App, prefer: (&str, &str), what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut number = 1000;
    until(what, async || {
        number += 1;
        app.client.try_publish(&event("orders", number), prefer).await.unwrap().expect(202);
        holds().await
    })
    .await;
}

const FOR_A_SECOND: (&str, &str) = ("prefer", "wait=1");

/// A consumer that would find out by itself stands still, and the log seems to have lost 100 records.
async fn with_a_lost_tail_that_nobody_reads() -> App {
    let app = App::setup().partitions(1).set("KAFKA_SESSION_TIMEOUT", "1m").start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    app.consumer(0).pause();
    app.pretend_a_lost_tail().await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_appended_below_what_was_stored_is_told_to_the_consumer() {
    let app = with_a_lost_tail_that_nobody_reads().await;

    let suspected = "SELECT suspected_offset FROM progress";
    publish_until(&app, FOR_A_SECOND, "the position is suspected", async || app.database.number(suspected).await > 0)
        .await;

    // By the verdict of record 30 the api has learnt how far the log was stored, if it has not looked before.
    let lowest = app.database.number(suspected).await;
    assert!((30..=31).contains(&lowest), "the first record that was appended after that: {lowest}");
    assert_eq!(app.printed("api").matches("lies below what was stored before it").count(), 1, "said once");
    app.consumer(0).resume();
    app.incarnations(2).await;
    assert_eq!(balanced(&app).await.stored, app.log.length().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_also_where_no_publisher_waits() {
    let app = with_a_lost_tail_that_nobody_reads().await;

    let suspected = "SELECT suspected_offset FROM progress";
    publish_until(&app, ASYNC, "the position is suspected", async || app.database.number(suspected).await > 0).await;

    app.consumer(0).resume();
    app.incarnations(2).await;
    assert_eq!(balanced(&app).await.stored, app.log.length().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_of_a_partition_that_nobody_waits_for_while_others_are_waited_for() {
    let app = App::setup().partitions(2).set("KAFKA_SESSION_TIMEOUT", "1m").start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    let partition = app.partition().await;
    let mut names = (0..).map(|number| format!("elsewhere-{number}"));
    let elsewhere = loop {
        let name = names.next().unwrap();
        let answer = app.client.publish(&event(&name, 0)).await.expect(200).json();
        if answer["events"][0]["partition"] != partition {
            break name;
        }
    };
    balanced(&app).await;
    app.consumer(0).pause();
    let longer = "UPDATE progress SET next_offset = next_offset + 100, skipped = skipped + 100";
    app.database.execute(&format!("{longer} WHERE partition = {partition}")).await;
    let client = app.client.clone();
    let others = tokio::spawn(async move {
        for number in 1.. {
            client.try_publish(&event(&elsewhere, number), FOR_A_SECOND).await.unwrap().expect(202);
        }
    });

    let suspected = "SELECT count(*) FROM progress WHERE suspected_offset IS NOT NULL";
    publish_until(&app, ASYNC, "the position is suspected", async || app.database.number(suspected).await > 0).await;
    others.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspicion_that_cannot_be_noted_costs_a_line() {
    let app = with_a_lost_tail_that_nobody_reads().await;
    app.database
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not now'; END$$;
         CREATE TRIGGER refuse BEFORE UPDATE OF suspected_offset ON progress FOR EACH ROW EXECUTE FUNCTION refuse();",
        )
        .await;

    let said = "the consumer can't be told to read again from there: ";
    publish_until(&app, FOR_A_SECOND, "it is said", async || app.printed("api").contains(said)).await;
    app.database.execute("DROP TRIGGER refuse ON progress").await;

    // What could not be told is told later.
    let suspected = "SELECT suspected_offset FROM progress";
    until("the position is suspected", async || (30..=31).contains(&app.database.number(suspected).await)).await;
    assert_eq!(app.printed("api").matches(said).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_mode_is_refused() {
    let mut app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    app.stop_consumers();
    app.stop_api();
    app.database.execute("UPDATE logs SET partition_by = 'event'").await;

    let (status, printed) = app.run("consumer");

    assert!(!status.success());
    assert!(printed.contains("keyed by event") && printed.contains("keyed by topic"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_that_is_accepted_is_gone_on_with() {
    let mut app = App::setup().set("ONCELOG_ACCEPT_LAYOUT_CHANGE", "true").start().await;
    app.client.publish(&json!(events("orders", 0..10))).await.expect(200);
    app.stop_consumers();
    app.stop_api();
    app.database.execute("UPDATE logs SET partitions = 3, partition_by = 'event'").await;

    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    app.client.publish(&json!(events("orders", 5..20))).await.expect(200);

    assert_eq!(balanced(&app).await.stored, 20);
    let layout = app.database.texts("SELECT concat(partitions, ' by ', partition_by) FROM logs").await;
    assert_eq!(layout, ["4 by topic"], "recorded, so that the next change is noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_on_one_topic_each_store_everything() {
    let first = App::start().await;
    let mut second = App::setup().set("KAFKA_TOPIC", &first.log.topic).start().await;
    second.log.topic.clone_from(&first.log.topic);
    let topics: Vec<_> = (0..40).map(|n| event(&format!("topic-{n}"), n)).collect();

    first.client.publish(&json!(topics)).await.expect(200);

    assert_ne!(first.group().await, second.group().await);
    assert_eq!(balanced(&first).await.stored, 40);
    assert_eq!(balanced(&second).await.stored, 40);
}

const IDS: &str = "SELECT concat_ws(' ', log_id, cluster_id, topic_id) FROM logs";

/// An api and a consumer that have stored thirty events, and are stopped.
async fn stopped() -> App {
    let mut app = App::start().await;
    app.client.publish(&json!(events("orders", 0..30))).await.expect(200);
    balanced(&app).await;
    app.stop_consumers();
    app.stop_api();
    app
}

/// The log is still the first one, and has the ids that it had.
async fn is_gone_on_with(mut app: App, ids: Vec<String>) {
    // The api is there first, and does not decide it.
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    app.client.publish(&event("orders", 30)).await.expect(200);

    assert_eq!(app.database.texts(IDS).await, ids);
    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.duplicates), (31, 0), "nothing is counted a second time");
    assert!(app.printed("consumer").contains("the Kafka topic has an id now"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_gets_an_id_keeps_its_log_if_it_shows_what_was_stored() {
    let app = stopped().await;
    let ids = app.database.texts(IDS).await;

    // As a broker without topic ids has left it.
    app.database.execute("UPDATE logs SET topic_id = ''").await;

    is_gone_on_with(app, ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_gets_an_id_is_known_by_its_events_where_a_program_of_before_kept_no_witness() {
    let app = stopped().await;
    let ids = app.database.texts(IDS).await;

    app.forget_the_witness().await;
    app.database.execute("UPDATE logs SET topic_id = ''").await;

    is_gone_on_with(app, ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_gets_an_id_counts_as_another_log_where_nothing_is_kept_to_compare() {
    let mut app = App::start().await;
    app.log.append_to(0, &[Record::new("x", "not JSON")]).await;
    balanced(&app).await;
    app.stop_consumers();
    app.stop_api();

    app.forget_the_witness().await;
    app.database.execute("UPDATE logs SET topic_id = ''").await;
    app.start_api().await;
    app.start_consumer().await;
    app.incarnations(2).await;

    assert_eq!(balanced(&app).await.dead_letters, 2, "counted a second time");
    assert!(app.printed("consumer").contains("nothing is kept to compare its records with"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_gets_its_id_late_keeps_its_log() {
    let app = stopped().await;
    let ids = app.database.texts(IDS).await;

    // As a program left it that took this word for an id.
    app.database.execute("UPDATE logs SET cluster_id = 'redpanda.initializing', topic_id = ''").await;

    is_gone_on_with(app, ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_gets_an_id_and_shows_other_records_is_another_log() {
    let app = stopped().await;
    is_another_log(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_gets_an_id_and_shows_other_events_is_another_log_also_without_a_witness() {
    let app = stopped().await;
    app.forget_the_witness().await;
    is_another_log(app).await;
}

/// The topic is created again, with other events, before it gets an id.
async fn is_another_log(mut app: App) {
    let full = app.next_offsets().await.into_iter().find(|(_, next)| *next > 0).unwrap().0;

    // Created again, and longer than it was, while the broker gave no ids.
    app.log.delete().await;
    app.log.create(&AS_OURS).await;
    let others = events("orders", 100..140).iter().map(|event| Record::new("orders", wire(event))).collect::<Vec<_>>();
    app.log.append_to(full, &others).await;
    app.database.execute("UPDATE logs SET topic_id = ''").await;
    app.start_api().await;
    app.start_consumer().await;
    app.incarnations(2).await;

    let counters = balanced(&app).await;
    // A broker may lose what is appended to a topic right after it was created again.
    let stored = 30 + app.log.length().await;
    assert_eq!((counters.stored, counters.duplicates), (stored, 0), "what lies below the old end is read, too");
}
