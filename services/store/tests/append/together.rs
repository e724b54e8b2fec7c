//! Two writers at once on the same ids, which only happens where a key's partition has changed.

use store::{AppendError, Batch, What, Writer};

use crate::database::Database;
use crate::records::{event, slice};

const IDS: usize = 3_000;

async fn until_stored(mut writer: Writer, batch: Batch) -> usize {
    let mut again = 0;
    loop {
        match writer.append(&batch).await {
            Ok(_) => return again,
            Err(AppendError::Again(_)) => again += 1,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_that_meet_on_the_same_ids_both_get_through_and_each_id_is_stored_once() {
    let database = Database::with_two_partitions().await;
    let there: Vec<What> = (0..IDS).map(|n| event(&format!("{n}"), "{}")).collect();
    let back: Vec<What> = there.iter().rev().cloned().collect();
    let of = |partition, whats| Batch { log_id: database.log_id, slices: vec![slice(partition, (0, 0), whats)] };

    let first = tokio::spawn(until_stored(database.writer().await, of(0, there)));
    let second = tokio::spawn(until_stored(database.writer().await, of(1, back)));
    let again = first.await.unwrap() + second.await.unwrap();

    println!("{again} transactions were repeated");
    assert_eq!(database.number("SELECT count(*) FROM events").await, IDS as i64);
    assert_eq!(database.number("SELECT sum(stored + duplicates) FROM progress").await, 2 * IDS as i64);
    database.adds_up().await;
}

#[tokio::test]
async fn the_retry_after_a_deadlock_inserts_in_key_order() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    database
        .execute(
            "CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$;
             CREATE TRIGGER deadlock BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION deadlock();
             CREATE TABLE inserted (nth serial, event_id text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO inserted (event_id) VALUES (NEW.event_id); RETURN NEW; END $$;
             CREATE TRIGGER note AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .await;
    let whats = vec![event("c", "{}"), event("a", "{}"), event("b", "{}")];
    let batch = Batch { log_id: database.log_id, slices: vec![slice(0, (0, 0), whats)] };

    assert!(matches!(writer.append(&batch).await, Err(AppendError::Again(_))));
    database.execute("DROP TRIGGER deadlock ON events").await;
    writer.append(&batch).await.unwrap();

    assert_eq!(database.texts("SELECT event_id FROM inserted ORDER BY nth").await, ["a", "b", "c"]);
    assert_eq!(
        database.texts(r#"SELECT event_id FROM events ORDER BY "offset""#).await,
        ["c", "a", "b"],
        "their positions are still the log's"
    );
    database.adds_up().await;
}
