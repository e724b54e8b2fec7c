//! What a writer remembers is void as soon as the row behind it could be gone. A stale entry would
//! turn the only copy of an event into a duplicate.

use store::Outcome::{Duplicate, Stored};
use store::{AppendError, Session};

use crate::database::Database;
use crate::records::{batch, event};

/// Takes the row of `a` away, and leaves counters that still add up.
const REMOVE: &str = "
    DELETE FROM events WHERE event_id = 'a';
    UPDATE progress SET stored = stored - 1, duplicates = duplicates + 1 WHERE partition = 0;
    UPDATE topic_counts SET stored = stored - 1, duplicates = duplicates + 1";

/// The same, and no trigger tells anybody: as in an older copy of the database.
const NOT_THERE: &str = "
    SET session_replication_role = replica;
    DELETE FROM events WHERE event_id = 'a';
    UPDATE progress SET stored = stored - 1, duplicates = duplicates + 1 WHERE partition = 0;
    UPDATE topic_counts SET stored = stored - 1, duplicates = duplicates + 1";

#[tokio::test]
async fn rows_that_are_deleted_empty_it() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    writer.append(&batch(log_id, 0, vec![event("a", "{}")])).await.unwrap();
    let known = writer.append(&batch(log_id, 1, vec![event("a", "{}")])).await.unwrap();

    database.execute(REMOVE).await;

    assert_eq!(known.outcomes, [Duplicate]);
    assert_eq!(writer.append(&batch(log_id, 2, vec![event("a", "{}")])).await.unwrap().outcomes, [Stored]);
    database.adds_up().await;
}

#[tokio::test]
async fn a_fence_miss_and_a_new_connection_empty_it() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    writer.append(&batch(log_id, 0, vec![event("a", "{}")])).await.unwrap();

    database.execute(NOT_THERE).await;
    let miss = writer.append(&batch(log_id, 9, vec![event("b", "{}")])).await;
    assert!(matches!(miss, Err(AppendError::FenceMiss(_))));
    assert_eq!(writer.append(&batch(log_id, 1, vec![event("a", "{}")])).await.unwrap().outcomes, [Stored]);

    database.execute(NOT_THERE).await;
    writer.disconnect();
    assert_eq!(writer.connect().await.unwrap(), Session::New);
    assert_eq!(writer.append(&batch(log_id, 2, vec![event("a", "{}")])).await.unwrap().outcomes, [Stored]);
    database.adds_up().await;
}

#[tokio::test]
async fn a_conflicts_payload_is_not_remembered_as_the_events() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    writer.append(&batch(log_id, 0, vec![event("a", "{}"), event("a", r#"{"x":1}"#)])).await.unwrap();

    let again = writer.append(&batch(log_id, 2, vec![event("a", r#"{"x":1}"#), event("a", "{}")])).await.unwrap();

    assert_eq!(again.outcomes, [store::Outcome::Conflict, Duplicate]);
    database.adds_up().await;
}

#[tokio::test]
async fn for_several_writers_it_is_neither_filled_nor_asked() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    writer.append_for_several(&batch(log_id, 0, vec![event("a", "{}")])).await.unwrap();

    database.execute(NOT_THERE).await;
    assert_eq!(writer.append(&batch(log_id, 1, vec![event("a", "{}")])).await.unwrap().outcomes, [Stored]);

    database.execute(NOT_THERE).await;
    let again = writer.append_for_several(&batch(log_id, 2, vec![event("a", "{}")])).await.unwrap();
    assert_eq!(again.outcomes, [Stored]);
    database.adds_up().await;
}
