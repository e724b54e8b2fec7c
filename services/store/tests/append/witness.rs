//! What is kept of the last record, and what is suspected of the log.

use store::{Batch, Progress, Witness};

use crate::database::Database;
use crate::records::{event, slice};

async fn of_partition_0(database: &Database) -> Progress {
    database.writer().await.visible_progress(database.log_id, &[0]).await.unwrap()[0]
}

#[tokio::test]
async fn the_last_record_is_kept_with_the_progress_and_stays_where_none_is_new() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let witness = |offset| Some(Witness { offset, leader_epoch: Some(7), hash: -offset });
    let (mut first, mut second) =
        (slice(0, (0, 0), vec![event("a", "{}")]), slice(1, (0, 0), vec![event("b", "{}"), event("c", "{}")]));
    (first.witness, second.witness) = (witness(0), witness(1));

    writer.append(&Batch { log_id: database.log_id, slices: vec![first, second] }).await.unwrap();
    let rows = writer.settled_progress(database.log_id, &[0, 1]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.witness).collect::<Vec<_>>(), [witness(0), witness(1)]);
    assert_eq!(rows.iter().map(|row| row.consumed).collect::<Vec<_>>(), [1, 2]);

    let again = slice(0, (0, 1), vec![event("a", "{}")]);
    writer.append(&Batch { log_id: database.log_id, slices: vec![again] }).await.unwrap();
    assert_eq!(of_partition_0(&database).await.witness, witness(0));

    let untold = Some(Witness { offset: 1, leader_epoch: None, hash: 0 });
    let mut next = slice(0, (1, 1), vec![event("d", "{}")]);
    next.witness = untold;
    writer.append(&Batch { log_id: database.log_id, slices: vec![next] }).await.unwrap();
    assert_eq!(of_partition_0(&database).await.witness, untold, "the epoch of before is not its own");
    database.adds_up().await;
}

#[tokio::test]
async fn only_the_suspicion_that_was_looked_into_is_taken_back() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    database.execute("UPDATE progress SET suspected_offset = 3").await;

    writer.suspect_no_more(database.log_id, 0, 5).await.unwrap();
    assert_eq!(of_partition_0(&database).await.suspected_offset, Some(3), "a lower one has come meanwhile");
    writer.suspect_no_more(database.log_id, 0, 3).await.unwrap();
    assert_eq!(of_partition_0(&database).await.suspected_offset, None);
    assert_eq!(database.number("SELECT suspected_offset FROM progress WHERE partition = 1").await, 3);
    database.adds_up().await;
}
