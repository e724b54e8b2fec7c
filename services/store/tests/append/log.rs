//! The log's layout, and what is suspected of the log.

use event::{LogIdentity, PartitionBy};
use store::StoreError;

use crate::database::Database;

async fn suspected(database: &Database) -> Vec<String> {
    database.texts("SELECT coalesce(suspected_offset::text, '-') FROM progress ORDER BY partition").await
}

#[tokio::test]
async fn the_lowest_position_that_is_suspected_stays() {
    let database = Database::with_two_partitions().await;
    database.execute("UPDATE progress SET next_offset = 100, skipped = 100").await;
    let store = database.store();

    for offset in [70, 40, 60] {
        store.suspect(database.log_id, 0, offset).await.unwrap();
    }
    store.suspect(database.log_id, 1, 100).await.unwrap();
    assert_eq!(suspected(&database).await, ["40", "-"], "what lies at the end is not below it");

    store.suspect(database.log_id + 1, 1, 5).await.unwrap();
    assert_eq!(suspected(&database).await, ["40", "-"], "of a log without progress there is nothing to suspect");
}

#[tokio::test]
async fn partitions_that_are_added_leave_the_layout_until_it_is_accepted_and_others_are_refused() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let more = LogIdentity { partitions: 5, ..database.identity.clone() };

    let log = store.open_log(&more, false).await.unwrap().log();
    assert_eq!((log.partitions, log.added(&more).is_some()), (2, true));
    let fewer = LogIdentity { partitions: 1, ..database.identity.clone() };
    assert!(matches!(store.open_log(&fewer, false).await, Err(StoreError::LayoutChanged { .. })));
    let by_event = LogIdentity { partition_by: PartitionBy::Event, ..more.clone() };
    assert!(matches!(store.open_log(&by_event, false).await, Err(StoreError::LayoutChanged { .. })));

    let accepted = store.open_log(&more, true).await.unwrap().log();
    assert_eq!((accepted.partitions, accepted.added(&more)), (5, None));
    assert_eq!(store.open_log(&more, false).await.unwrap().log(), accepted, "and so it stays");
}
