//! Partitions that somebody adds to the Kafka topic: all are read, and copies of an event go on to meet in
//! one, until the change is accepted.

use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::counters::balanced;
use crate::support::log::Record;
use crate::support::publisher::publish_until_answered;
use crate::support::{App, event, event_with, until};

const BEFORE: i32 = 2;
const AFTER: i32 = 6;

/// One event of each of these topics: enough that each partition gets some.
fn one_of_each() -> Vec<Value> {
    (0..40).map(|topic| event(&format!("topic-{topic}"), 1)).collect()
}

fn partitions(answer: &Answer) -> Vec<i64> {
    let body = answer.json();
    body["events"].as_array().unwrap().iter().map(|event| event["partition"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn added_partitions_are_read_and_copies_go_on_to_meet_in_one() {
    let mut app = App::setup().partitions(BEFORE).start().await;
    let first = app.client.publish(&json!(one_of_each())).await.expect(200);

    app.log.add_partitions(AFTER).await;
    // A process that starts has never heard of another number of partitions.
    app.stop_api();
    app.start_api().await;
    app.healthy().await;
    let (_, repeated) = publish_until_answered(&app.client, &one_of_each(), ("prefer", "wait=30")).await;
    let others: Vec<Value> = (0..40).map(|n| event_with(&format!("topic-{n}"), 1, json!({"late": true}))).collect();
    let conflicting = app.client.publish(&json!(others)).await.expect(200);
    // Others may write where they like.
    app.log.append_to(AFTER - 1, &[Record::new("x", event("elsewhere", 1).to_string())]).await;
    until("the partitions that were added are read", async || {
        app.client.get("/events/elsewhere/1").await.status == 200
    })
    .await;

    assert_eq!(partitions(&repeated), partitions(&first));
    assert_eq!(partitions(&conflicting), partitions(&first));
    assert_eq!(conflicting.outcomes(), ["conflict"; 40], "the first payload wins");
    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.conflicts), (41, 40));
    for process in ["api", "consumer"] {
        let said = app.printed(process);
        assert!(said.contains("had 2 partitions and now has 6: all are read"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn added_partitions_are_published_to_once_that_is_accepted() {
    let mut app = App::setup().partitions(BEFORE).start().await;
    app.client.publish(&json!(one_of_each())).await.expect(200);
    app.log.add_partitions(AFTER).await;
    app.stop_consumers();
    app.stop_api();

    app.set("ONCELOG_ACCEPT_LAYOUT_CHANGE", "true");
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;
    let (_, repeated) = publish_until_answered(&app.client, &one_of_each(), ("prefer", "wait=30")).await;

    assert!(partitions(&repeated).iter().any(|partition| *partition >= i64::from(BEFORE)), "{}", repeated.text);
    assert_eq!(balanced(&app).await.stored, 40, "once, wherever copies lie");
    assert_eq!(app.database.number("SELECT partitions FROM logs").await, i64::from(AFTER));
}
