//! Ctrl-C in the middle of a run leaves nothing behind: no process, no folder.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_mins(3);

/// Asks until there is something, or the test fails.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// Stands in for the services: says who it is, and waits.
fn program(dir: &Path, pids: &Path) -> std::path::PathBuf {
    let program = dir.join("oncelog");
    fs::write(&program, format!("#!/bin/sh\necho $$ >>{}\nexec sleep 600\n", pids.display())).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn a_run_that_is_interrupted_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (temporary, pids) = (dir.path().join("tmp"), dir.path().join("pids"));
    fs::create_dir(&temporary).unwrap();
    // The database runs as another user.
    for path in [dir.path(), &temporary] {
        fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }
    let mut run = Command::new(env!("CARGO_BIN_EXE_oncelog-sim"))
        .args(["run", "steady", "--own", "--seed", "1"])
        .arg("--oncelog")
        .arg(program(dir.path(), &pids))
        .env("TMPDIR", &temporary)
        .env("ONCELOG_STACK", "native")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let started: Vec<String> = eventually("api and consumer are started", || {
        let pids = fs::read_to_string(&pids).ok()?;
        (pids.lines().count() == 2).then(|| pids.lines().map(str::to_owned).collect())
    });
    assert!(fs::read_dir(&temporary).unwrap().count() > 0, "the stack is somewhere else");

    Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();

    let ended = eventually("the run ends", || run.try_wait().unwrap());
    assert_eq!(ended.code(), Some(130));
    for pid in started {
        assert!(!Path::new("/proc").join(&pid).exists(), "process {pid} is left");
    }
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
