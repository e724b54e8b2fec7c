//! `stack run` itself: addresses in, exit code out, nothing left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::database::ask;
use crate::eventually;
use stack::is_answering;

const PATIENCE: Duration = Duration::from_mins(2);

/// Writes its addresses where the test finds them.
const REPORT: &str = r#"printf '%s\n%s\n' "$KAFKA_BROKERS" "$DATABASE_URL" >"$0.part"; mv "$0.part" "$0"; "#;

fn command(report: &Path, then: &str) -> Command {
    let mut stack = Command::new(env!("CARGO_BIN_EXE_stack"));
    stack.args(["run", "--", "sh", "-c", &format!("{REPORT}{then}")]).arg(report).env("ONCELOG_STACK", "native");
    stack
}

fn run(report: &Path, then: &str) -> Child {
    command(report, then).spawn().unwrap()
}

/// What the database of a stack answers to `statement`; `postgres` is its `ONCELOG_POSTGRES`.
fn ask_one(postgres: Option<&Path>, statement: &'static str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let mut stack = command(&report, "exec sleep 600");
    match postgres {
        Some(bin) => stack.env("ONCELOG_POSTGRES", bin),
        None => stack.env_remove("ONCELOG_POSTGRES"),
    };
    let stack = Running(stack.spawn().unwrap());
    eventually(PATIENCE, "the command runs", || report.exists());
    let answer = ask(fs::read_to_string(&report).unwrap().lines().nth(1).unwrap(), statement);
    drop(stack);
    answer.unwrap()
}

/// Ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn ports(report: &Path) -> [u16; 2] {
    let text = fs::read_to_string(report).unwrap();
    let mut lines = text.lines();
    let broker = lines.next().unwrap().rsplit(':').next().unwrap();
    let database = lines.next().unwrap().rsplit(':').next().unwrap().split('/').next().unwrap();
    [broker, database].map(|port| port.parse().unwrap())
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
    eventually(PATIENCE, "the command runs", || report.exists());
    let ports = ports(&report);
    assert!(ports.into_iter().all(is_answering));
    stack.kill().unwrap();
    stack.wait().unwrap();
    eventually(PATIENCE, "broker and database have gone", || !ports.into_iter().any(is_answering));
}

#[test]
fn the_database_has_the_version_of_the_pom() {
    let pom = include_str!("../../../native/pom.xml");
    let version = ask_one(None, "SHOW server_version");
    assert!(pom.contains(&format!("<postgres.version>{version}.")), "{version}");
}

#[test]
fn the_database_is_made_and_run_by_the_programs_of_a_given_directory() {
    let real = ask_one(None, "SELECT setting FROM pg_config WHERE name = 'BINDIR'");
    let dir = tempfile::tempdir().unwrap();
    // Whoever the database runs as writes into it.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let seen = |name: &str| dir.path().join(name).with_extension("seen");
    for name in ["initdb", "postgres"] {
        let program = dir.path().join(name);
        let script = format!("#!/bin/sh\n: >'{}'\nexec '{real}/{name}' \"$@\"\n", seen(name).display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(ask_one(Some(dir.path()), "SELECT 1"), "1");
    assert!(seen("initdb").exists() && seen("postgres").exists());
}
