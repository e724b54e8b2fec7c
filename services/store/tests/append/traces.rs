//! What a record below the fence must have left, and what its absence tells.

use store::{AppendError, Appended, Batch, What};

use crate::database::Database;
use crate::records::{batch, dead_letter, dead_letter_of, event, slice, wire};

/// Brings these again, of which the log is vouched for below an offset.
async fn again(database: &Database, whats: Vec<What>, vouched_below: i64) -> Result<Appended, AppendError> {
    let fence = database.number("SELECT next_offset FROM progress WHERE partition = 0").await;
    let mut again = slice(0, (0, fence), whats);
    again.vouched_below = vouched_below;
    database.writer().await.append(&Batch { log_id: database.log_id, slices: vec![again] }).await
}

/// The offset of the record that is another log's.
fn of_another_log(failure: Result<Appended, AppendError>) -> i64 {
    match failure {
        Err(AppendError::AnotherLog { partition: 0, offset }) => offset,
        other => panic!("no other log: {other:?}"),
    }
}

#[tokio::test]
async fn what_was_deleted_is_no_sign_of_another_log_where_the_log_is_vouched_for() {
    let database = Database::with_two_partitions().await;
    let whats = || vec![event("a", "{}"), event("b", "{}"), dead_letter("bad"), event("c", "{}")];
    database.writer().await.append(&batch(database.log_id, 0, whats())).await.unwrap();

    let delete = "DELETE FROM events WHERE event_id = 'b';
                  DELETE FROM dead_letters;
                  UPDATE progress SET stored = 2, duplicates = 2, dead_letters = 0 WHERE partition = 0;
                  UPDATE topic_counts SET stored = 2, duplicates = 2";
    database.execute(delete).await;

    assert_eq!(of_another_log(again(&database, whats(), 0).await), 1);
    assert_eq!(of_another_log(again(&database, whats(), 1).await), 1, "only what lies below is vouched for");
    again(&database, whats(), 2).await.unwrap();
    assert_eq!(database.counters(0).await, "4 2 2 0 0 0 4");
    database.adds_up().await;
}

#[tokio::test]
async fn what_another_record_has_left_at_the_position_shows_another_log_whatever_is_vouched_for() {
    let database = Database::with_two_partitions().await;
    let stored = || vec![event("a", "{}"), event("a", r#"{"x":1}"#), dead_letter("bad"), event("b", "{}")];
    database.writer().await.append(&batch(database.log_id, 0, stored())).await.unwrap();
    let but = |offset: usize, what: What| {
        let mut whats = stored();
        whats[offset] = what;
        again(&database, whats, 4)
    };

    assert_eq!(of_another_log(but(0, event("b", "{}")).await), 0, "a stored event, at the place of another");
    assert_eq!(of_another_log(but(1, event("b", "{}")).await), 1, "a stored event, where a conflict lay");
    assert_eq!(of_another_log(but(2, event("b", "{}")).await), 2, "a stored event, where a dead letter lay");
    assert_eq!(of_another_log(but(2, dead_letter_of(Some(b"other bytes"))).await), 2);
    again(&database, stored(), 0).await.unwrap();
    assert_eq!(database.counters(0).await, "4 2 0 1 1 0 4");
    database.adds_up().await;
}

#[tokio::test]
async fn a_record_that_is_no_event_is_known_by_its_position_and_its_absence_tells_nothing() {
    let database = Database::with_two_partitions().await;
    let stored = vec![event("a", "{}"), event("a", r#"{"x":1}"#), event("a", "{}")];
    database.writer().await.append(&batch(database.log_id, 0, stored)).await.unwrap();

    let rules_are_tighter = vec![dead_letter("was stored"), dead_letter("a conflict"), dead_letter("a duplicate")];
    again(&database, rules_are_tighter, 0).await.unwrap();

    assert_eq!(database.counters(0).await, "3 1 1 1 0 0 3");
    database.adds_up().await;
}

#[tokio::test]
async fn a_dead_letter_is_known_by_its_bytes_also_where_they_are_an_event() {
    let database = Database::with_two_partitions().await;
    let stored = vec![dead_letter_of(Some(&wire("a", "{}"))), dead_letter_of(None)];
    database.writer().await.append(&batch(database.log_id, 0, stored)).await.unwrap();

    again(&database, vec![event("a", "{}"), dead_letter_of(None)], 0).await.unwrap();
    assert_eq!(of_another_log(again(&database, vec![event("a", "{}"), event("b", "{}")], 0).await), 1);
    assert_eq!(of_another_log(again(&database, vec![event("b", "{}")], 2).await), 0);
    assert_eq!(of_another_log(again(&database, vec![event("a", r#"{"x":1}"#)], 2).await), 0);
    let left_out = "UPDATE dead_letters SET value = NULL, reason = 'kept without its bytes'";
    database.execute(left_out).await;
    again(&database, vec![event("b", "{}"), event("b", "{}")], 0).await.expect("nothing is known of either");
    database.adds_up().await;
}
