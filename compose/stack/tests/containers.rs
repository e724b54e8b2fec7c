//! The same stack in containers. Runs where `ONCELOG_STACK=containers` asks for it: elsewhere an
//! engine can't be counted on, and `tests/native.rs` holds the same promises.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod database;

use std::process::Command;

use database::ask;
use stack::{Kind, Options, Own, is_answering};

fn publishing(port: u16) -> usize {
    let filter = format!("publish={port}");
    let done = Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output().unwrap();
    String::from_utf8(done.stdout).unwrap().lines().count()
}

#[test]
fn a_stack_in_containers_keeps_its_data_through_crashes_and_leaves_nothing() {
    if std::env::var("ONCELOG_STACK").as_deref() != Ok("containers") {
        return;
    }
    let stack = Own::start(Kind::Containers, &Options::default()).unwrap();
    let broker = stack.addresses().kafka_brokers;
    let port = broker.rsplit_once(':').unwrap().1.parse().unwrap();
    assert_eq!(publishing(port), 1);
    ask(&stack.addresses().database_url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").unwrap();

    stack.postgres().kill();
    assert!(!stack.postgres().is_running());
    assert!(ask(&stack.addresses().database_url, "SELECT 1").is_err());
    stack.postgres().start().unwrap();
    assert_eq!(ask(&stack.addresses().database_url, "SELECT n FROM kept").unwrap(), "7");

    stack.kafka().pause();
    stack.kafka().kill();
    assert!(!stack.kafka().is_running());
    stack.kafka().start().unwrap();
    stack.kafka().stop();
    assert!(!is_answering(port));
    stack.kafka().start().unwrap();

    drop(stack);
    assert!(!is_answering(port));
    assert_eq!(publishing(port), 0);
}

#[tokio::test]
async fn a_stack_in_containers_may_be_dropped_by_async_code() {
    if std::env::var("ONCELOG_STACK").as_deref() != Ok("containers") {
        return;
    }
    let start = || Own::start(Kind::Containers, &Options::default());
    let stack = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
    assert!(stack.kafka().is_running());
    drop(stack);
}
