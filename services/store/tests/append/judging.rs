//! Every record has one outcome, and the counters say so.

use store::Outcome::{Conflict, DeadLetter, Duplicate, Redelivered, Stored};
use store::{AppendError, Batch};

use crate::database::Database;
use crate::records::{batch, dead_letter, event, slice};

#[tokio::test]
async fn the_first_wins_equal_payloads_are_duplicates_others_conflicts_copies_inherit() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let whats = vec![
        event("a", r#"{"x":1}"#),
        event("a", r#"{"x":1}"#),
        event("a", r#"{ "x" : 1.0 }"#),
        event("a", r#"{"x":2}"#),
        event("a", r#"{"x":2}"#),
        dead_letter("no value"),
        event("b", "{}"),
    ];

    let appended = writer.append(&batch(database.log_id, 0, whats)).await.unwrap();

    assert_eq!(appended.outcomes, [Stored, Duplicate, Duplicate, Conflict, Conflict, DeadLetter, Stored]);
    assert_eq!(database.counters(0).await, "7 2 2 2 1 0 0");
    assert_eq!(database.texts(r#"SELECT "offset" FROM events ORDER BY 1"#).await, ["0", "6"]);
    assert_eq!(database.texts(r#"SELECT "offset" FROM conflicts ORDER BY 1"#).await, ["3", "4"]);
    database.adds_up().await;
}

#[tokio::test]
async fn in_the_middle_of_a_batch_exactly_what_added_no_row_is_judged() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let every_third = (0..100).step_by(3).map(|n| event(&format!("e{n}"), "{}")).collect();
    writer.append(&batch(database.log_id, 0, every_third)).await.unwrap();
    let all = (0..100).map(|n| event(&format!("e{n}"), if n % 2 == 0 { "{}" } else { r#"{"odd":1}"# })).collect();

    // A writer without memory: the database has to answer for each.
    let appended = database.writer().await.append(&batch(database.log_id, 34, all)).await.unwrap();

    for (n, outcome) in appended.outcomes.iter().enumerate() {
        let expected = match (n % 3, n % 2) {
            (0, 0) => Duplicate,
            (0, _) => Conflict,
            _ => Stored,
        };
        assert_eq!(*outcome, expected, "record {n}");
    }
    database.adds_up().await;
}

/// The insert meets the row, and before it is looked at it is gone.
#[tokio::test]
async fn a_repeat_whose_row_vanishes_before_it_is_judged_is_brought_again() {
    let database = Database::with_two_partitions().await;
    let log_id = database.log_id;
    database.writer().await.append(&batch(log_id, 0, vec![event("a", "{}")])).await.unwrap();
    database
        .execute(
            "CREATE FUNCTION prune() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN DELETE FROM events WHERE event_id = 'a'; RETURN NULL; END $$;
             CREATE TRIGGER prune AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION prune()",
        )
        .await;

    // A writer without memory: the database has to answer.
    let mut writer = database.writer().await;
    let failure = writer.append(&batch(log_id, 1, vec![event("a", "{}"), event("b", "{}")])).await;
    assert!(matches!(failure, Err(AppendError::Again(_))), "neither duplicate nor conflict: {failure:?}");
    database.execute("DROP TRIGGER prune ON events").await;

    let again = writer.append(&batch(log_id, 1, vec![event("a", "{}"), event("b", "{}")])).await.unwrap();
    assert_eq!(again.outcomes, [Duplicate, Stored]);
    database.adds_up().await;
}

#[tokio::test]
async fn a_dead_letter_keeps_bytes_headers_and_reason() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;

    writer.append(&batch(database.log_id, 0, vec![dead_letter("a NUL \0 in it")])).await.unwrap();

    let kept = database.texts("SELECT concat_ws('|', key, value, headers, reason) FROM dead_letters").await;
    assert_eq!(kept, ["\\x6b6579|\\x00ff|[[\"a\u{fffd}b\", \"AA==\"], [\"none\", null]]|a NUL \u{fffd} in it"]);
    database.adds_up().await;
}

#[tokio::test]
async fn redelivered_records_are_verified_counted_apart_and_move_nothing() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let whats = || vec![event("a", "{}"), event("a", r#"{"x":1}"#), dead_letter("bad"), event("a", "{}")];
    writer.append(&batch(database.log_id, 0, whats())).await.unwrap();
    let before = database.counters(0).await;

    let again = Batch { log_id: database.log_id, slices: vec![slice(0, (0, 4), whats())] };
    let appended = writer.append(&again).await.unwrap();

    assert_eq!(appended.outcomes, [Redelivered; 4]);
    assert_eq!(before, "4 1 1 1 1 0 0");
    assert_eq!(database.counters(0).await, "4 1 1 1 1 0 4");
    database.adds_up().await;
}

#[tokio::test]
async fn a_record_below_the_fence_that_left_no_trace_belongs_to_another_log() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    writer.append(&batch(database.log_id, 0, vec![event("a", "{}"), event("b", "{}")])).await.unwrap();

    let other_log = vec![event("a", "{}"), event("never seen", "{}"), event("new", "{}")];
    let failure = writer.append(&Batch { log_id: database.log_id, slices: vec![slice(0, (0, 2), other_log)] }).await;

    assert!(matches!(failure, Err(AppendError::AnotherLog { partition: 0, offset: 1 })), "{failure:?}");
    assert_eq!(database.counters(0).await, "2 2 0 0 0 0 0", "nothing of the batch was stored");
    database.adds_up().await;
}

#[tokio::test]
async fn offsets_without_a_record_are_skipped_within_a_batch_and_at_its_end() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let mut with_gaps = slice(0, (0, 0), vec![event("a", "{}"), event("b", "{}")]);
    with_gaps.entries[1].offset = 3;
    with_gaps.end_offset = 6;

    writer.append(&Batch { log_id: database.log_id, slices: vec![with_gaps] }).await.unwrap();

    assert_eq!(database.counters(0).await, "6 2 0 0 0 4 0");
    database.adds_up().await;
}

#[tokio::test]
async fn an_id_that_is_there_although_none_was_expected_is_judged_all_the_same() {
    const BATCH: i64 = 500;
    let database = Database::with_two_partitions().await;
    let (mut writer, mut other) = (database.writer().await, database.writer().await);
    let log_id = database.log_id;
    let ids = |from: i64| (from..from + BATCH).map(|n| event(&format!("{n}"), "{}")).collect::<Vec<_>>();
    for nth in 0..8 {
        writer.append(&batch(log_id, nth * BATCH, ids(nth * BATCH))).await.unwrap();
    }
    let elsewhere = vec![event("4100", "{}"), event("4200", r#"{"x":1}"#)];
    other.append(&Batch { log_id, slices: vec![slice(1, (0, 0), elsewhere)] }).await.unwrap();
    database
        .execute(
            "CREATE SEQUENCE tries;
             CREATE FUNCTION try() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN PERFORM nextval('tries'); RETURN NEW; END $$;
             CREATE TRIGGER try BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION try()",
        )
        .await;

    let outcomes = writer.append(&batch(log_id, 8 * BATCH, ids(8 * BATCH))).await.unwrap().outcomes;

    assert_eq!((outcomes[100], outcomes[200]), (Duplicate, Conflict));
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Stored).count() as i64, BATCH - 2);
    let tries = database.number("SELECT last_value FROM tries").await;
    assert!(tries > BATCH, "it was tried without looking first: {tries}");
    assert_eq!(database.number("SELECT count(*) FROM events").await, 9 * BATCH);
    database.adds_up().await;
}
