//! The fence: whose turn it is.

use sqlx::{Connection, PgConnection, Postgres, Transaction};
use store::{AppendError, Batch, Found};

use crate::database::Database;
use crate::records::{batch, event, slice};

/// A transaction that has moved the progress of partition 0 to offset 1, and is not committed.
async fn under_way(connection: &mut PgConnection) -> Transaction<'_, Postgres> {
    let mut under_way = connection.begin().await.unwrap();
    sqlx::query("UPDATE progress SET next_offset = 1, skipped = 1 WHERE partition = 0")
        .execute(&mut *under_way)
        .await
        .unwrap();
    under_way
}

fn found(failure: Result<store::Appended, AppendError>) -> Vec<Found> {
    match failure {
        Err(AppendError::FenceMiss(found)) => found,
        other => panic!("no fence miss: {other:?}"),
    }
}

#[tokio::test]
async fn a_batch_that_somebody_else_has_stored_is_refused_whole() {
    let database = Database::with_two_partitions().await;
    let twice = Batch {
        log_id: database.log_id,
        slices: vec![slice(0, (0, 0), vec![event("a", "{}")]), slice(1, (0, 0), vec![event("b", "{}")])],
    };
    database.writer().await.append(&batch(database.log_id, 0, vec![event("a", "{}")])).await.unwrap();

    let failure = database.writer().await.append(&twice).await;

    let ahead = Found { partition: 0, next_offset: Some(1) };
    assert_eq!(found(failure), [ahead, Found { partition: 1, next_offset: Some(0) }]);
    assert_eq!(database.counters(1).await, "0 0 0 0 0 0 0", "nothing of the other partition either");
    database.adds_up().await;
}

#[tokio::test]
async fn a_database_that_is_behind_or_has_never_seen_the_partition_refuses() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;

    let behind = writer.append(&batch(database.log_id, 7, vec![event("a", "{}")])).await;
    assert_eq!(found(behind), [Found { partition: 0, next_offset: Some(0) }]);

    let unknown = Batch { log_id: database.log_id, slices: vec![slice(5, (0, 0), vec![event("a", "{}")])] };
    assert_eq!(found(writer.append(&unknown).await), [Found { partition: 5, next_offset: None }]);
    writer.append(&batch(database.log_id, 0, vec![event("a", "{}")])).await.expect("the connection is still good");
    database.adds_up().await;
}

#[tokio::test]
async fn the_fence_waits_for_a_commit_under_way_and_sees_what_it_did() {
    let database = Database::with_two_partitions().await;
    let mut other = database.connection().await;
    let under_way = under_way(&mut other).await;
    let (mut writer, log_id) = (database.writer().await, database.log_id);
    let waiting = tokio::spawn(async move { writer.append(&batch(log_id, 0, vec![event("a", "{}")])).await });

    database.somebody_waits_for_a_lock().await;
    under_way.commit().await.unwrap();

    assert_eq!(found(waiting.await.unwrap()), [Found { partition: 0, next_offset: Some(1) }]);
    assert_eq!(database.number("SELECT count(*) FROM events").await, 0);
    database.adds_up().await;
}

#[tokio::test]
async fn settled_progress_waits_for_a_commit_under_way() {
    let database = Database::with_two_partitions().await;
    let mut other = database.connection().await;
    let under_way = under_way(&mut other).await;
    let (mut writer, log_id) = (database.writer().await, database.log_id);
    let visible = writer.visible_progress(log_id, &[0]).await.unwrap();
    let waiting = tokio::spawn(async move { writer.settled_progress(log_id, &[0]).await.unwrap() });

    database.somebody_waits_for_a_lock().await;
    under_way.commit().await.unwrap();

    assert_eq!(visible[0].next_offset, 0, "a plain read still sees the old value");
    assert_eq!(waiting.await.unwrap()[0].next_offset, 1);
    database.adds_up().await;
}
