//! `oncelog doctor`, as a user runs it, and what it found.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::block_in_place;

use super::App;
use super::wait::pause;

/// What a run has printed.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) code: i32,
    pub(crate) printed: String,
}

impl App {
    /// Runs it as JSON, with some of the app's settings changed.
    pub(crate) fn doctor(&self, changed: &[(&str, &str)]) -> Diagnosis {
        self.doctor_by(Command::new(env!("CARGO_BIN_EXE_oncelog")).args(["doctor", "-o", "json"]), changed)
    }

    /// Runs it until it says so: a broker knows a change a moment later. Fails with its last report.
    pub(crate) async fn doctor_says(&self, name: &str, status: &str, says: (&str, &str)) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let found = self.doctor(&[]);
            if found.says(name, status, says) || Instant::now() > deadline {
                return found.expect(name, status, says);
            }
            pause().await;
        }
    }

    /// Runs a command that runs it.
    pub(crate) fn doctor_by(&self, command: &mut Command, changed: &[(&str, &str)]) -> Diagnosis {
        command.envs(self.settings().iter().cloned()).envs(changed.iter().copied());
        let output = block_in_place(|| command.output()).unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "", "the report says it all");
        // postgres://user:password@…
        let secret = self.database.url.split([':', '@']).nth(2).unwrap();
        assert!(!printed.contains(secret), "the password is printed: {printed}");
        Diagnosis { code: output.status.code().unwrap(), printed }
    }
}

impl Diagnosis {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.printed).unwrap_or_else(|error| panic!("{error}: {}", self.printed))
    }

    /// The checks of this name.
    pub(crate) fn checks(&self, name: &str) -> Vec<Value> {
        let report = self.json();
        let checks = report["checks"].as_array().unwrap().iter();
        let found: Vec<Value> = checks.filter(|check| check["name"] == name).cloned().collect();
        assert!(!found.is_empty(), "no check {name:?} in {}", self.printed);
        found
    }

    /// Whether there is a check of this name with this status whose detail says so, and whose fix does.
    pub(crate) fn says(&self, name: &str, status: &str, (detail, fix): (&str, &str)) -> bool {
        self.checks(name).iter().any(|check| {
            let text = |member: &str| check[member].as_str().unwrap_or_default().to_owned();
            check["status"] == status && text("detail").contains(detail) && text("fix").contains(fix)
        })
    }

    /// Fails unless it says so; a failure is exit code 2, a warning at least 1.
    #[track_caller]
    pub(crate) fn expect(&self, name: &str, status: &str, says: (&str, &str)) {
        assert!(self.says(name, status, says), "{name}: no {status} {says:?} in {}", self.printed);
        let least = match status {
            "fail" => 2,
            "warn" => 1,
            _ => 0,
        };
        assert!(self.code >= least, "exit code {}", self.code);
    }
}
