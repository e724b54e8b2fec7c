//! The database checks the sums itself: whoever writes a wrong one can't commit it.

use store::Batch;

use crate::database::Database;
use crate::records::{batch, event, slice};

async fn refused_by(database: &Database, constraint: &str, sql: &str) {
    let failure = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut database.connection().await).await;
    let failure = failure.expect_err(sql).to_string();
    assert!(failure.contains(constraint), "{sql}: {failure}");
}

#[tokio::test]
async fn a_sum_that_is_not_right_is_refused_by_the_database() {
    let database = Database::with_two_partitions().await;

    let outcomes = "every_record_has_one_outcome";
    refused_by(&database, outcomes, "UPDATE progress SET next_offset = 1, consumed = 1").await;
    refused_by(&database, outcomes, "UPDATE progress SET stored = 1").await;
    refused_by(&database, "every_offset_is_accounted_for", "UPDATE progress SET next_offset = 1").await;
    refused_by(&database, "every_offset_is_accounted_for", "UPDATE progress SET skipped = 1").await;

    database.adds_up().await;
}

#[tokio::test]
async fn what_is_stored_is_told_of_the_newest_life_to_whoever_knows_an_older_one() {
    let database = Database::with_two_partitions().await;
    let (mut writer, store) = (database.writer().await, database.store());
    writer.append(&batch(database.log_id, 0, vec![event("a", "{}"), event("b", "{}")])).await.unwrap();
    let before = store.summary(database.log_id).await.unwrap();

    let next_incarnation = store.open_next_incarnation(&database.identity, database.log_id).await.unwrap().log_id;
    writer.begin(next_incarnation, 0, 0).await.unwrap();
    writer.append(&batch(next_incarnation, 0, vec![event("c", "{}")])).await.unwrap();
    let after = store.summary(database.log_id).await.unwrap();

    assert_eq!((before.log_id, before.next_offsets), (database.log_id, vec![(0, 2), (1, 0)]));
    assert_eq!((after.log_id, after.next_offsets), (next_incarnation, vec![(0, 1)]));
    assert_eq!(after.totals.consumed, 3, "the sums are of all incarnations");
    database.adds_up().await;
}

#[tokio::test]
async fn no_count_goes_below_zero_to_make_up_for_another() {
    let database = Database::with_two_partitions().await;

    let below = "no_count_is_below_zero";
    refused_by(&database, below, "UPDATE progress SET consumed = 1, stored = 1, skipped = -1").await;
    refused_by(&database, below, "UPDATE progress SET stored = 1, duplicates = -1").await;
    refused_by(&database, below, "UPDATE progress SET redelivered = -1").await;
    let topic =
        format!("INSERT INTO topic_counts (topic, log_id, partition, stored) VALUES ('t', {}, 0, -1)", database.log_id);
    refused_by(&database, "no_topic_count_is_below_zero", &topic).await;

    database.adds_up().await;
}

#[tokio::test]
async fn a_fence_that_would_move_less_than_was_stored_is_refused_whole() {
    let database = Database::with_two_partitions().await;
    let mut one_too_little = slice(0, (0, 0), vec![event("a", "{}"), event("b", "{}")]);
    one_too_little.end_offset = 1;

    let batch = Batch { log_id: database.log_id, slices: vec![one_too_little] };
    let failure = database.writer().await.append(&batch).await;

    assert!(failure.is_err(), "{failure:?}");
    assert_eq!(database.counters(0).await, "0 0 0 0 0 0 0");
    database.adds_up().await;
}
