//! Would Redpanda start with what it is given, and would it keep what it acknowledges? Both command
//! lines, compose.yaml's and testcontainers', are read by the stand-in's `rpk`, which takes what Redpanda's
//! own source says that it takes, and says what is in effect.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::process::Command;

use serde::Deserialize;

use super::broker::redpanda;
use super::images::COMPOSE;
use crate::checkout;
use crate::native::{Ports, Proxied};

#[derive(Deserialize)]
struct Compose {
    services: HashMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    command: Vec<String>,
}

/// The broker's command in compose.yaml, with the default of its one variable.
fn composed() -> Vec<String> {
    let mut compose: Compose = serde_saphyr::from_str(COMPOSE).unwrap();
    let command = compose.services.remove("broker").unwrap().command;
    let command: Vec<String> = command.iter().map(|item| item.replace("${KAFKA_PORT:-19092}", "19092")).collect();
    assert!(!command.iter().any(|item| item.contains('$')), "{command:?}");
    command
}

fn of_testcontainers() -> Vec<String> {
    let proxied = Some(Proxied { listener: 1001, advertised: 1002 });
    redpanda(Ports { direct: 1000, controller: 0, proxied })
}

/// What is in effect, or why the command line is refused.
fn read(command: &[String]) -> Result<String, String> {
    let rpk = checkout().join("compose/images/redpanda/rpk");
    let done = Command::new(rpk).args(command).env("STANDIN_PARSE_ONLY", "1").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if done.status.success() { Ok(text(done.stdout)) } else { Err(text(done.stderr)) }
}

/// With one item of the command replaced by others.
fn with(command: &[String], item: &str, others: &[&str]) -> Vec<String> {
    let at = command.iter().position(|given| given == item).unwrap();
    let mut command = command.to_vec();
    command.splice(at..=at, others.iter().map(|other| (*other).to_owned()));
    command
}

#[test]
fn both_command_lines_are_redpandas_and_keep_what_is_acknowledged() {
    for command in [composed(), of_testcontainers()] {
        let effect = read(&command).unwrap_or_else(|refused| panic!("{command:?}\n{refused}"));
        for wanted in [
            "--unsafe-bypass-fsync=false",
            "write_caching_default=false",
            "auto_create_topics_enabled=false",
            "enable_metrics_reporter=false",
        ] {
            assert!(effect.lines().any(|line| line == wanted), "{wanted}: {command:?}\n{effect}");
        }
    }
}

#[test]
fn the_simulators_short_sessions_are_allowed() {
    let effect = read(&of_testcontainers()).unwrap();
    assert!(effect.lines().any(|line| line == "group_min_session_timeout_ms=1000"), "{effect}");
}

#[test]
fn a_property_is_set_by_two_arguments_and_not_by_one() {
    for command in [composed(), of_testcontainers()] {
        for (at, _) in command.iter().enumerate().filter(|(_, item)| *item == "--set") {
            let value = &command[at + 1];
            assert!(value.starts_with("redpanda.") && value.contains('='), "{value}");
        }
        // As it was once: Redpanda stops at the first of them.
        let joined = command.join("\n").replace("--set\n", "--set=");
        let once: Vec<String> = joined.lines().map(str::to_owned).collect();
        let refused = read(&once).unwrap_err();
        assert!(refused.contains("--set=redpanda.write_caching_default=false"), "{refused}");
        assert!(refused.contains("next argument"), "{refused}");
    }
}

#[test]
fn what_redpanda_would_not_start_with_is_refused() {
    let command = composed();
    for (item, others, because) in [
        ("--smp=1", &["--cores=1"][..], "--cores is no flag"),
        ("--smp=1", &["--smp=one"], "not a number"),
        ("--overprovisioned", &["--overprovisioned", "yes"], "yes is no flag"),
        ("redpanda.write_caching_default=false", &["redpanda.write_caching_default"], "no key=value"),
        ("redpanda.write_caching_default=false", &["redpanda.write_cashing=false"], "not known"),
        ("redpanda.enable_metrics_reporter=false", &[], "last argument"),
    ] {
        let refused = read(&with(&command, item, others)).unwrap_err();
        assert!(refused.contains(because), "{because}: {refused}");
    }
}

#[test]
fn developer_mode_is_on_unless_each_of_its_settings_is_taken_back() {
    let effect = read(&with(&composed(), "--unsafe-bypass-fsync=false", &[])).unwrap();
    assert!(effect.contains("--unsafe-bypass-fsync=true"), "{effect}");
    let command = of_testcontainers();
    let bare: Vec<String> =
        command.into_iter().filter(|item| item != "--set" && !item.starts_with("redpanda.")).collect();
    let effect = read(&bare).unwrap();
    assert!(effect.contains("write_caching_default=true"), "{effect}");
    assert!(effect.contains("auto_create_topics_enabled=true"), "{effect}");
}
