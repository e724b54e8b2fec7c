//! Which copy of the database it is, and by which group it is worked with.

use store::{Standing, StoreError};

use crate::database::Database;

#[tokio::test]
async fn a_copy_by_template_is_another_one_and_the_same_under_another_name_is_not() {
    let mut database = Database::with_two_partitions().await;
    let copy = database.store().copy().await.unwrap();
    assert!(copy.standing("a group") == Standing::Unkept && copy.is_certain() && !copy.is_read_only());
    assert!(database.store().keep_copy(&copy, "a group").await.unwrap());

    let beside = database.copy().await;
    let found = beside.store().copy().await.unwrap();
    assert_eq!(found.standing("a group"), Standing::Another);
    assert!(found.was_replaced() && found.is_to_be_kept());
    beside.drop().await;

    database.rename().await;
    let found = database.store().copy().await.unwrap();
    assert_eq!((found.standing("a group"), found.standing("another")), (Standing::Same, Standing::Another));
    assert!(!found.was_replaced() && !found.is_to_be_kept(), "another group is no reason for those who run");
    database.adds_up().await;
}

#[tokio::test]
async fn what_somebody_else_has_kept_meanwhile_is_not_written_over() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let seen = store.copy().await.unwrap();

    assert!(store.keep_copy(&seen, "first").await.unwrap());
    assert!(!store.keep_copy(&seen, "second").await.unwrap());

    assert_eq!(store.copy().await.unwrap().standing("first"), Standing::Same);
    database.adds_up().await;
}

#[tokio::test]
async fn a_copy_that_was_refused_stays_so_until_it_is_kept() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    assert!(store.keep_copy(&store.copy().await.unwrap(), "a group").await.unwrap());
    let beside = database.copy().await;
    let (theirs, found) = (beside.store(), beside.store().copy().await.unwrap());
    assert!(!found.was_refused("a group"));

    assert!(theirs.refuse_copy(&found, "a group").await.unwrap());
    assert!(!theirs.refuse_copy(&found, "another").await.unwrap(), "it has changed since that was seen");
    let refused = theirs.copy().await.unwrap();
    assert!(refused.was_refused("a group") && !refused.was_refused("another"));
    assert_eq!(refused.standing("a group"), Standing::Another);

    assert!(theirs.keep_copy(&refused, "a group").await.unwrap());
    let kept = theirs.copy().await.unwrap();
    assert!(kept.standing("a group") == Standing::Same && !kept.was_refused("a group"));
    beside.drop().await;
    database.adds_up().await;
}

#[tokio::test]
async fn where_the_system_identifier_is_not_told_the_oids_decide() {
    let database = Database::with_two_partitions().await;
    let told = database.store().copy().await.unwrap();
    assert!(database.store().keep_copy(&told, "a group").await.unwrap());

    let weak = database.as_a_role_that_may_little().await;
    let found = weak.copy().await.unwrap();
    assert!(!found.is_certain());
    assert_eq!(found.standing("a group"), Standing::Same);
    // As in a dump that is restored: the database's oid may be the same on another server.
    database.execute("CREATE TABLE other (LIKE install INCLUDING ALL); INSERT INTO other TABLE install").await;
    database.execute("DROP TABLE install; ALTER TABLE other RENAME TO install").await;
    assert_eq!(database.store().copy().await.unwrap().standing("a group"), Standing::Same, "the server is the same");
    database.execute("GRANT SELECT ON install TO PUBLIC").await;
    assert_eq!(weak.copy().await.unwrap().standing("a group"), Standing::Another);
    database.adds_up().await;
}

#[tokio::test]
async fn a_copy_becomes_an_installation_of_its_own_unless_consumers_work_with_it() {
    let database = Database::with_two_partitions().await;
    let store = database.store();
    let before = store.default_group().await.unwrap();
    assert!(store.keep_copy(&store.copy().await.unwrap(), &before).await.unwrap());
    let beside = database.copy().await;

    let writer = database.writer().await;
    let weak = database.as_a_role_that_may_little().await;
    assert!(matches!(weak.separate().await, Err(StoreError::InUse(_))), "also a role that may little sees them");
    assert_eq!(store.default_group().await.unwrap(), before);
    writer.close().await;

    let group = beside.store().separate().await.unwrap();

    assert_ne!(group, before);
    assert_eq!(beside.store().default_group().await.unwrap(), group);
    let copy = beside.store().copy().await.unwrap();
    assert_eq!((copy.standing(&group), copy.standing(&before)), (Standing::Same, Standing::Another));
    beside.drop().await;
    database.adds_up().await;
}
