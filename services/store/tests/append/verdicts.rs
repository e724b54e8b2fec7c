//! What a publisher is told of a record: by its key and its position, never by half of that.

use store::Store;
use store::verdicts::{AppendedRecord, Verdict};

use crate::database::Database;
use crate::records::{batch, dead_letter, dead_letter_of, event, wire};

fn asked(event_id: &str, offset: i64) -> AppendedRecord {
    AppendedRecord { topic: "t".into(), event_id: event_id.into(), partition: 0, offset }
}

async fn verdicts(store: &Store, log_id: store::LogId, all: &[AppendedRecord]) -> Vec<Verdict> {
    store.verdict_reader().verdicts(log_id, &all.iter().collect::<Vec<_>>()).await.unwrap()
}

#[tokio::test]
async fn every_record_is_told_what_became_of_it() {
    let database = Database::with_two_partitions().await;
    let bad = dead_letter_of(Some(&wire("bad", "{}")));
    let whats = vec![event("a", "{}"), event("a", "{}"), event("a", r#"{"x":1}"#), bad, event("b", "{}")];
    database.writer().await.append(&batch(database.log_id, 0, whats)).await.unwrap();
    let store = database.store();

    let all = [asked("a", 0), asked("a", 1), asked("a", 2), asked("bad", 3), asked("b", 4), asked("c", 5)];
    let told = verdicts(&store, database.log_id, &all).await;

    let expected = [
        Verdict::Stored,
        Verdict::Duplicate,
        Verdict::Conflict,
        Verdict::DeadLetter,
        Verdict::Stored,
        Verdict::Unknown,
    ];
    assert_eq!(told, expected);
    database.adds_up().await;
}

/// The log was cut and filled anew: at the offset of a record that was acknowledged lies another
/// one. By position alone, the first would get the second one's outcome.
#[tokio::test]
async fn another_records_row_at_my_position_is_no_verdict_of_mine() {
    let database = Database::with_two_partitions().await;
    let whats = vec![
        event("theirs", "{}"),
        event("theirs", r#"{"x":1}"#),
        event("mine", "{}"),
        event("theirs too", "{}"),
        dead_letter("theirs"),
        dead_letter_of(Some(&wire("theirs", "{}"))),
    ];
    database.writer().await.append(&batch(database.log_id, 0, whats)).await.unwrap();
    let store = database.store();

    let all = [asked("new", 0), asked("new", 1), asked("mine", 3), asked("mine", 4), asked("new", 5)];
    let told = verdicts(&store, database.log_id, &all).await;

    assert_eq!(told, [Verdict::Unknown; 5], "neither stored, nor a conflict, a duplicate or a dead letter");
    database.adds_up().await;
}

#[tokio::test]
async fn the_same_offset_of_another_log_or_partition_is_another_position() {
    let database = Database::with_two_partitions().await;
    database.writer().await.append(&batch(database.log_id, 0, vec![event("a", "{}")])).await.unwrap();
    let store = database.store();
    let elsewhere = AppendedRecord { partition: 1, ..asked("a", 0) };

    let later_log = verdicts(&store, database.log_id + 1, &[asked("a", 0)]).await;
    let earlier_log = verdicts(&store, database.log_id - 1, &[asked("a", 0)]).await;
    let other_partition = verdicts(&store, database.log_id, &[elsewhere]).await;

    assert_eq!(later_log, [Verdict::Duplicate], "the row was made by a record of the log before");
    assert_eq!(earlier_log, [Verdict::Unknown], "a row made since says nothing of what was before it");
    assert_eq!(other_partition, [Verdict::Duplicate]);
    database.adds_up().await;
}
