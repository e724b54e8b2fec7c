//! What is kept of the last record, and what is suspected of the log.

use store::{Batch, Progress, Witness, Writer};

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
async fn a_record_behind_which_a_program_of_before_has_stored_others_is_no_longer_the_last() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let mut first = slice(0, (0, 0), vec![event("a", "{}")]);
    first.witness = Some(Witness { offset: 0, leader_epoch: None, hash: 0 });
    first.end_offset = 3;
    writer.append(&Batch { log_id: database.log_id, slices: vec![first] }).await.unwrap();
    let of_partition_0 = async |writer: &mut Writer| writer.settled_progress(database.log_id, &[0]).await.unwrap()[0];
    assert!(of_partition_0(&mut writer).await.witness.is_some(), "what is skipped is nothing");

    let second = slice(0, (3, 3), vec![event("b", "{}")]);
    writer.append(&Batch { log_id: database.log_id, slices: vec![second] }).await.unwrap();
    assert_eq!(of_partition_0(&mut writer).await.witness, None);
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
