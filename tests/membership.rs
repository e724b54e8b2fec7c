//! Consumers as members of their group: who comes back has its partitions, and nobody is taken for another.

use crate::support::client::ASYNC;
use crate::support::counters::balanced;
use crate::support::{App, event, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_consumer_with_an_instance_id_has_its_partitions_back_at_once() {
    // Longer than the test's patience: a member without an id would be waited for until it fails.
    let mut app =
        App::setup().set("KAFKA_SESSION_TIMEOUT", "4m").set("KAFKA_INSTANCE_ID", "the-only.one_1").start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);

    app.consumer(0).kill();
    app.client.try_publish(&event("orders", 2), ASYNC).await.unwrap().expect(202);
    app.respawn_consumer(0);

    assert_eq!(balanced(&app).await.stored, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_consumers_with_one_instance_id_the_older_ends_and_says_why() {
    let mut app = App::setup().set("KAFKA_INSTANCE_ID", "twice").start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);

    app.start_consumer().await;

    until("the older one ends", async || !app.consumer(0).is_running()).await;
    let said = app.printed("consumer-0");
    assert!(said.contains("another consumer has joined the group with the same KAFKA_INSTANCE_ID"), "{said}");
    app.client.publish(&event("orders", 2)).await.expect(200);
    assert_eq!(balanced(&app).await.stored, 2);
}
