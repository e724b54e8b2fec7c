//! A partition that stands still although the log holds more of it is named, and the others go on.

use serde_json::Value;

use crate::support::client::{ASYNC, Answer};
use crate::support::log::Record;
use crate::support::{App, event, until};

const STANDS_STILL: &str = "a transaction of another producer is open";

/// What a process says of partitions that stand still.
fn stalled(health: &Value) -> Vec<String> {
    let said = health.get("stalled").or(health["details"].get("partitions"));
    let said = said.and_then(Value::as_array).cloned().unwrap_or_default();
    said.iter().map(|said| said.as_str().unwrap().to_owned()).collect()
}

/// `/health` of api and consumer.
async fn health(app: &App) -> [Value; 2] {
    let (api, consumer) = (app.client.get("/health").await, app.consumer_client(0).get("/health").await);
    [api, consumer].map(|answer| answer.expect(200).json())
}

/// Longer than any test waits for an answer.
const FOR_EVER: (&str, &str) = ("prefer", "wait=600");

/// Publishes one event, and gives the answer with its position.
async fn published(app: &App, n: usize) -> (Answer, (i64, i64)) {
    let answer = app.client.try_publish(&event("orders", n), FOR_EVER).await.expect("an answer before that");
    let event = &answer.json()["events"][0];
    let position = (event["partition"].as_i64().unwrap(), event["offset"].as_i64().unwrap());
    (answer, position)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_is_named_and_what_lies_behind_it_is_neither_pending_nor_waited_for() {
    let app = App::setup().set("ONCELOG_STALLED_AFTER", "2s");
    let app = app.set("VERDICT_MAX_WAIT", "10m").set("REQUEST_TIMEOUT", "20m").start().await;
    let (first, (partition, _)) = published(&app, 0).await;
    first.expect(200);
    app.drained().await;
    let wire = br#"{"topic":"orders","event_id":"foreign","timestamp":"2025-10-24T15:12:30Z","source":"other"}"#;
    let open = app.log.open_transaction(partition as i32, vec![Record::new("orders", wire.to_vec())]).await;

    // Begins to wait before it is known to be in vain.
    let (answer, (_, offset)) = published(&app, 1).await;
    answer.expect(202);
    until("both name the partition", async || health(&app).await.iter().all(|health| !stalled(health).is_empty()))
        .await;

    let said = format!("partition {partition} stands still at offset {}: {STANDS_STILL}", offset - 1);
    for health in health(&app).await {
        assert_eq!(health["status"], "degraded");
        let [named] = &stalled(&health)[..] else { panic!("{health}") };
        assert!(named.starts_with(&said), "{named}");
        assert!(named.contains("kafka-transactions.sh --bootstrap-server"), "{named}");
    }
    let metrics = app.consumer_client(0).get("/metrics").await.expect(200).text;
    let gauge = |partition: i64, is: u8| format!("oncelog_partition_stalled{{partition=\"{partition}\"}} {is}\n");
    assert!(metrics.contains(&gauge(partition, 1)) && metrics.contains(&gauge(partition ^ 1, 0)), "{metrics}");
    let lines = app.printed("consumer");
    let line = lines.lines().find(|line| line.contains(&said)).expect("a line");
    assert!(line.contains(" ERROR ") && line.contains(&format!("topic=\"{}\"", app.log.topic)), "{line}");

    published(&app, 2).await.0.expect(202);
    let stats = app.stats().await;
    assert_eq!((&stats["pending"], &stats["queue_size"]), (&0.into(), &0.into()), "{stats}");
    assert_eq!(stats["behind_open_transactions"], 3, "{stats}");
    assert_eq!(stats["received"], 1, "{stats}");

    app.log.commit_transaction(open).await;
    until("all is stored", async || app.stats().await["unique_processed"] == 4).await;
    until("both are healthy", async || health(&app).await.iter().all(|health| health["status"] == "healthy")).await;
    let goes_on = format!("partition {partition} goes on");
    until("it is said", async || app.printed("consumer").contains(&goes_on)).await;
    assert_eq!(app.stats().await["behind_open_transactions"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_can_be_stored_no_partition_is_said_to_stand_still() {
    let app = App::setup().set("ONCELOG_STALLED_AFTER", "1s").set("LOG_LEVEL", "info,consumer=debug").start().await;
    published(&app, 0).await.0.expect(200);
    let mut outsider = app.database.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE progress IN ACCESS EXCLUSIVE MODE").execute(&mut *outsider).await.unwrap();
    for n in 1..20 {
        app.client.try_publish(&event("orders", n), ASYNC).await.unwrap().expect(202);
    }

    let refused = || app.printed("consumer").matches("due to lock timeout").count();
    until("storing was tried several times", async || refused() >= 4).await;

    for health in health(&app).await {
        assert_eq!(stalled(&health), Vec::<String>::new());
    }
    outsider.rollback().await.unwrap();
    app.drained().await;
    assert!(!app.printed("").contains("stands still"));
}
