//! `stack run` itself: addresses in, exit code out, nothing left.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use stack::is_answering;

/// Writes its addresses where the test finds them.
const REPORT: &str = r#"printf '%s\n%s\n' "$KAFKA_BROKERS" "$DATABASE_URL" >"$0.part"; mv "$0.part" "$0"; "#;

fn run(report: &Path, then: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_stack"))
        .args(["run", "--", "sh", "-c", &format!("{REPORT}{then}")])
        .arg(report)
        .env("ONCELOG_STACK", "native")
        .spawn()
        .unwrap()
}

fn ports(report: &Path) -> [u16; 2] {
    let text = fs::read_to_string(report).unwrap();
    let mut lines = text.lines();
    let broker = lines.next().unwrap().rsplit(':').next().unwrap();
    let database = lines.next().unwrap().rsplit(':').next().unwrap().split('/').next().unwrap();
    [broker, database].map(|port| port.parse().unwrap())
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !holds() {
        assert!(Instant::now() < deadline, "not within two minutes: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_exit_code_is_the_commands_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let status = run(&report, "exit 7").wait().unwrap();
    assert_eq!(status.code(), Some(7));
    assert!(!ports(&report).into_iter().any(is_answering));
}

#[test]
fn a_killed_run_leaves_no_broker_and_no_database() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let mut stack = run(&report, "exec sleep 600");
    eventually("the command runs", || report.exists());
    let ports = ports(&report);
    assert!(ports.into_iter().all(is_answering));
    stack.kill().unwrap();
    stack.wait().unwrap();
    eventually("broker and database have gone", || !ports.into_iter().any(is_answering));
}
