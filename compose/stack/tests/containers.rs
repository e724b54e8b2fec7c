//! The same stack in containers. Runs where `ONCELOG_STACK=containers` asks for it: elsewhere an
//! engine can't be counted on, and `tests/native.rs` holds the same promises.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod database;

use std::io::Write as _;
use std::process::Command;

use database::ask;
use stack::{Kind, Options, Own, is_answering};

fn publishing(port: u16) -> usize {
    let filter = format!("publish={port}");
    let done = Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output().unwrap();
    String::from_utf8(done.stdout).unwrap().lines().count()
}

fn docker(args: &[&str]) -> String {
    let done = Command::new("docker").args(args).output().unwrap();
    assert!(done.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[expect(clippy::explicit_write, reason = "the test runner keeps to itself what eprintln! says in a test that passes")]
fn say(line: &str) {
    writeln!(std::io::stderr(), "durability: {line}").unwrap();
}

/// Redpanda answers after fsync, caches no writes and creates no topic by itself. Apache Kafka has no
/// such settings.
fn keeps_what_it_acknowledges(broker_port: u16) {
    let id = docker(&["ps", "--quiet", "--filter", &format!("publish={broker_port}")]);
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", &id]);
    if !image.contains("redpanda") {
        say(&format!("NOT CHECKED: {image} is Apache Kafka, which answers before fsync"));
        return;
    }
    if image.contains("standin") {
        say(&format!("CHECKED ON THE STAND-IN {image} ONLY: how it reads Redpanda's command line, not Redpanda"));
    }
    let command_line = docker(&["exec", &id, "cat", "/proc/1/cmdline"]);
    assert!(command_line.contains("--unsafe-bypass-fsync=false"), "{command_line:?}");
    for property in ["write_caching_default", "auto_create_topics_enabled"] {
        let value = docker(&["exec", &id, "rpk", "cluster", "config", "get", property]);
        assert_eq!(value.trim_matches('"'), "false", "{property}");
    }
    say(&format!("checked: {image}: no fsync bypassed, no write caching, no topics created by the way"));
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
    keeps_what_it_acknowledges(port);
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
