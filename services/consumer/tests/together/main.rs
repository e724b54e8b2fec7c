//! Small batches of several writers in one transaction, on a real PostgreSQL.
//!
//! Needs `DATABASE_URL`, whose user may create databases; `make test` sets it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../store/tests/append/database.rs"]
#[allow(dead_code)]
mod database;
#[path = "../../../../tests/support/lost_answer.rs"]
#[allow(dead_code)]
mod lost_answer;
#[path = "../../../store/tests/append/records.rs"]
#[allow(dead_code)]
mod records;

use std::time::Duration;

use consumer::policy::{Move, Next, after};
use consumer::storing::group_commit::{Ended, GroupCommit};
use store::Outcome::{Duplicate, Stored};
use store::{Batch, Config, LogId, Outcome, Schema, Session, What, Writer};

use crate::database::Database;
use crate::lost_answer::LosesAnswers;
use crate::records::{event, slice};

async fn three_writers() -> (Database, [Writer; 3]) {
    let database = Database::with_two_partitions().await;
    let mut writers = [database.writer().await, database.writer().await, database.writer().await];
    writers[2].begin(database.log_id, 2, 0).await.unwrap();
    (database, writers)
}

fn of(log_id: LogId, partition: i32, expected: i64, whats: Vec<What>) -> Batch {
    Batch { log_id, slices: vec![slice(partition, (expected, expected), whats)] }
}

/// However busy the machine is: whoever waits shares.
const PATIENCE: Duration = Duration::from_mins(1);

/// Each comes in its turn: the second and the third while the first is being stored.
async fn at_once(together: &GroupCommit, batches: &[Batch; 3], writers: &mut [Writer; 3]) -> (Ended, Ended, Ended) {
    let [first, second, third] = writers;
    tokio::join!(
        together.append(&batches[0], first),
        together.append(&batches[1], second),
        together.append(&batches[2], third),
    )
}

fn outcomes(ended: Ended) -> Vec<Outcome> {
    match ended {
        Ended::Stored(outcomes) => outcomes,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_comes_during_a_transaction_shares_the_next_one_and_each_is_told_its_own() {
    let (database, mut writers) = three_writers().await;
    let (together, log_id) = (GroupCommit::with_patience(PATIENCE), database.log_id);
    let batches = [
        of(log_id, 0, 0, vec![event("a", "{}")]),
        of(log_id, 1, 0, vec![event("b", "{}"), event("b", "{}")]),
        of(log_id, 2, 0, vec![event("c", "{}")]),
    ];

    let (one, two, three) = at_once(&together, &batches, &mut writers).await;

    assert_eq!([outcomes(one), outcomes(two), outcomes(three)], [vec![Stored], vec![Stored, Duplicate], vec![Stored]]);
    let transaction = |id: &str| format!("SELECT xmin FROM events WHERE event_id = '{id}'");
    let of_b = database.texts(&transaction("b")).await;
    assert_ne!(database.texts(&transaction("a")).await, of_b);
    assert_eq!(database.texts(&transaction("c")).await, of_b);
    database.adds_up().await;
}

#[tokio::test]
async fn if_one_of_them_fails_nothing_is_stored_and_each_goes_alone() {
    let (database, mut writers) = three_writers().await;
    let (together, log_id) = (GroupCommit::with_patience(PATIENCE), database.log_id);
    let batches = [
        of(log_id, 0, 0, vec![event("a", "{}")]),
        of(log_id, 1, 0, vec![event("b", "{}")]),
        of(log_id, 2, 7, vec![event("c", "{}")]),
    ];

    let (one, two, three) = at_once(&together, &batches, &mut writers).await;

    assert_eq!(outcomes(one), [Stored]);
    assert!(matches!(two, Ended::Alone { in_doubt: false }), "{two:?}");
    assert!(matches!(three, Ended::Alone { in_doubt: false }), "{three:?}");
    assert_eq!(database.counters(1).await, "0 0 0 0 0 0 0");
    assert_eq!(outcomes(together.append(&batches[1], &mut writers[1]).await), [Stored]);
    database.adds_up().await;
}

#[tokio::test]
async fn batches_of_another_life_of_the_log_are_not_put_beside() {
    let (database, mut writers) = three_writers().await;
    let (together, log_id) = (GroupCommit::with_patience(PATIENCE), database.log_id);
    let batches = [
        of(log_id, 0, 0, vec![event("a", "{}")]),
        of(log_id, 1, 0, vec![event("b", "{}")]),
        of(log_id + 1, 2, 0, vec![event("c", "{}")]),
    ];

    let (one, two, three) = at_once(&together, &batches, &mut writers).await;

    assert_eq!([outcomes(one), outcomes(two)], [[Stored], [Stored]]);
    assert!(matches!(three, Ended::Alone { in_doubt: false }), "{three:?}");
    assert_eq!(database.texts("SELECT event_id FROM events WHERE event_id = 'c'").await, Vec::<String>::new());
    database.adds_up().await;
}

#[tokio::test]
async fn a_transaction_that_waits_for_a_lock_does_not_hold_up_other_writers() {
    let (database, [mut first, mut second, _]) = three_writers().await;
    let (together, log_id) = (GroupCommit::default(), database.log_id);
    let batches = [of(log_id, 0, 0, vec![event("a", "{}")]), of(log_id, 1, 0, vec![event("b", "{}")])];
    let mut outsider = database.connection().await;
    let lock = "BEGIN; SELECT * FROM progress WHERE partition = 0 FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut outsider).await.unwrap();

    let (one, ()) = tokio::join!(together.append(&batches[0], &mut first), async {
        database.somebody_waits_for_a_lock().await;
        let second = tokio::time::timeout(Duration::from_secs(4), together.append(&batches[1], &mut second));
        assert_eq!(outcomes(second.await.expect("it waits for the first")), [Stored]);
        sqlx::raw_sql("ROLLBACK").execute(&mut outsider).await.unwrap();
    });

    assert_eq!(outcomes(one), [Stored]);
    database.adds_up().await;
}

/// What follows from bringing a batch in doubt again.
async fn brought_again(batch: &Batch, writer: &mut Writer) -> Next {
    let failure = writer.append(batch).await.expect_err("its fence has moved");
    let moves =
        batch.slices.iter().map(|s| Move { partition: s.partition, expected: s.expected, end_offset: s.end_offset });
    after(&failure, &moves.collect::<Vec<_>>(), batch.len(), true)
}

#[tokio::test]
async fn a_shared_commit_without_an_answer_is_recognised_by_each_at_its_own_fence() {
    let (database, mut writers) = three_writers().await;
    let way = LosesAnswers::to(&database.config.url).await;
    let config = Config { url: way.url().to_owned(), password: None, schema: Schema::default(), pool_size: 1 };
    writers[1] = Writer::new(&config, 10).unwrap();
    assert_eq!(writers[1].connect().await.unwrap(), Session::New);
    let (together, log_id) = (GroupCommit::with_patience(PATIENCE), database.log_id);
    let batches = [
        of(log_id, 0, 0, vec![event("a", "{}")]),
        of(log_id, 1, 0, vec![event("b", "{}")]),
        of(log_id, 2, 0, vec![event("c", "{}")]),
    ];

    way.lose_next();
    let (one, two, three) = at_once(&together, &batches, &mut writers).await;

    assert_eq!(outcomes(one), [Stored]);
    assert!(matches!(two, Ended::Alone { in_doubt: true }), "{two:?}");
    assert!(matches!(three, Ended::Alone { in_doubt: true }), "{three:?}");
    assert_eq!(writers[1].connect().await.unwrap(), Session::New, "that connection is never used again");
    assert_eq!(brought_again(&batches[1], &mut writers[1]).await, Next::Committed);
    assert_eq!(writers[2].connect().await.unwrap(), Session::Same, "it heard of it over no connection of its own");
    assert_eq!(brought_again(&batches[2], &mut writers[2]).await, Next::Committed);
    database.adds_up().await;
}
