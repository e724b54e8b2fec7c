//! Which log it is that the broker tells of: a known one, another one, or one that has an id now.

use event::LogIdentity;
use store::{Log, Opened, Store};

use crate::database::Database;

/// The database's log is one without a topic id, in the cluster "cluster".
fn with_id(database: &Database, id: &str) -> LogIdentity {
    LogIdentity { topic_id: Some(id.to_owned()), ..database.identity.clone() }
}

async fn opened(store: &Store, identity: &LogIdentity) -> Opened {
    store.open_log(identity, false).await.unwrap()
}

async fn known(store: &Store, identity: &LogIdentity) -> Log {
    match opened(store, identity).await {
        Opened::Known(log) => log,
        unproved @ Opened::Unproved(_) => panic!("{unproved:?}"),
    }
}

#[tokio::test]
async fn a_log_without_an_id_may_be_the_one_that_has_it_now() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let identity = with_id(&database, "first");

    let unproved = opened(&store, &identity).await;
    assert!(matches!(unproved, Opened::Unproved(log) if log.log_id == database.log_id), "{unproved:?}");
    assert_eq!(database.number("SELECT count(*) FROM logs").await, 1, "nothing was written");

    store.adopt_ids(database.log_id, &identity).await.unwrap();
    assert_eq!(known(&store, &identity).await.log_id, database.log_id);
    assert_ne!(known(&store, &with_id(&database, "second")).await.log_id, database.log_id, "created again");
    database.adds_up().await;
}

#[tokio::test]
async fn a_log_in_a_cluster_that_had_no_id_may_be_the_one_that_has_it_now() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let settled = LogIdentity { cluster_id: "settled".to_owned(), ..with_id(&database, "first") };
    for unsettled in ["", "redpanda.initializing"] {
        database.execute(&format!("UPDATE logs SET cluster_id = '{unsettled}'")).await;
        assert!(matches!(opened(&store, &settled).await, Opened::Unproved(_)), "{unsettled:?}");
    }
    store.adopt_ids(database.log_id, &settled).await.unwrap();
    assert_eq!(known(&store, &settled).await.log_id, database.log_id);
    database.adds_up().await;
}

#[tokio::test]
async fn a_log_with_fewer_partitions_or_of_another_cluster_is_another() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let shorter = LogIdentity { partitions: 1, ..with_id(&database, "first") };
    let longer = LogIdentity { partitions: 3, ..with_id(&database, "first") };
    let elsewhere = LogIdentity { cluster_id: "elsewhere".to_owned(), ..with_id(&database, "first") };
    assert!(matches!(opened(&store, &longer).await, Opened::Unproved(_)), "partitions may have been added");
    for identity in [shorter, elsewhere] {
        assert_ne!(known(&store, &identity).await.log_id, database.log_id, "{identity:?}");
    }
    database.adds_up().await;
}

#[tokio::test]
async fn an_id_that_is_not_told_is_not_another_log() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let (told, untold) = (with_id(&database, "first"), database.identity.clone());
    store.adopt_ids(database.log_id, &told).await.unwrap();

    for identity in [&untold, &told, &untold] {
        assert_eq!(known(&store, identity).await.log_id, database.log_id, "{identity:?}");
    }
    let next = store.open_next_incarnation(&untold, database.log_id).await.unwrap();
    for identity in [&told, &untold] {
        assert_eq!(known(&store, identity).await, next, "the next incarnation has the id, too: {identity:?}");
    }
    assert_ne!(next.log_id, database.log_id);
    database.adds_up().await;
}

#[tokio::test]
async fn of_two_that_decide_at_once_whether_it_is_another_log_the_first_has_decided() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let identity = with_id(&database, "first");

    store.open_first_incarnation(&identity).await.unwrap();
    let other = known(&store, &identity).await;
    store.adopt_ids(database.log_id, &identity).await.unwrap();

    assert_eq!(known(&store, &identity).await, other);
    assert_ne!(other.log_id, database.log_id);
    database.adds_up().await;
}
