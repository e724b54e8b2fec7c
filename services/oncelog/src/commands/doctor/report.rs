//! What was found, for people and for programs.

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::Output;
use crate::commands::print;

/// How a check ended, in the order of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// Another check has made this one impossible, or it does not apply here.
    Skipped,
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) status: Status,
    pub(super) detail: String,
    pub(super) fix: Option<String>,
}

impl Check {
    pub(super) fn new(name: impl Into<String>, status: Status, detail: impl Into<String>) -> Check {
        Check { name: name.into(), status, detail: detail.into(), fix: None }
    }

    pub(super) fn ok(name: impl Into<String>, detail: impl Into<String>) -> Check {
        Check::new(name, Status::Ok, detail)
    }

    pub(super) fn skipped(name: impl Into<String>, why: impl Into<String>) -> Check {
        Check::new(name, Status::Skipped, why)
    }

    pub(super) fn fail(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, Status::Fail, detail).fix(fix)
    }

    pub(super) fn warn(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(name, Status::Warn, detail).fix(fix)
    }

    /// The command that mends it.
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Check {
        self.fix = Some(fix.into());
        self
    }
}

/// All checks, in the order in which they rest on each other.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
}

#[derive(Serialize)]
struct Json<'a> {
    status: Status,
    checks: &'a [Check],
}

impl Report {
    /// The worst that was found.
    fn status(&self) -> Status {
        self.checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok).max(Status::Ok)
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self.status() {
            Status::Skipped | Status::Ok => ExitCode::SUCCESS,
            Status::Warn => ExitCode::from(1),
            Status::Fail => ExitCode::from(2),
        }
    }

    pub(super) fn print(&self, output: Output) -> anyhow::Result<()> {
        let text = match output {
            Output::Text => {
                let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
                self.text(colours)
            }
            Output::Json => self.json(),
        };
        print(text.as_bytes())
    }

    fn json(&self) -> String {
        let json = Json { status: self.status(), checks: &self.checks };
        serde_json::to_string_pretty(&json).map_or_else(|error| error.to_string(), |text| text + "\n")
    }

    fn text(&self, colours: bool) -> String {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        self.checks.iter().map(|check| check.text(width, colours)).collect()
    }
}

impl Check {
    fn text(&self, width: usize, colours: bool) -> String {
        let (word, colour) = match self.status {
            Status::Ok => ("ok  ", "32"),
            Status::Skipped => ("skip", "2"),
            Status::Warn => ("warn", "33"),
            Status::Fail => ("FAIL", "31;1"),
        };
        let word = if colours { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() };
        let Check { name, detail, fix, .. } = self;
        let detail = detail.replace('\n', " ");
        let fix = fix.as_ref().map_or(String::new(), |fix| format!("  fix: {fix}\n"));
        format!("{word}  {name:width$}  {detail}\n{fix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            checks: vec![
                Check::ok("broker", "answers"),
                Check::warn("topic", "one replica", "use 3"),
                Check::skipped("api", "nothing listens"),
            ],
        }
    }

    #[test]
    fn a_line_for_each_check_and_the_fix_below_it() {
        let lines = "ok    broker  answers\nwarn  topic   one replica\n  fix: use 3\nskip  api     nothing listens\n";
        assert_eq!(report().text(false), lines);
        assert!(report().text(true).contains("\x1b[33mwarn\x1b[0m  topic"));
    }

    #[test]
    fn the_worst_check_is_the_status_and_what_is_skipped_does_not_count() {
        assert_eq!(Report::default().status(), Status::Ok);
        assert_eq!(report().status(), Status::Warn);
        let mut report = report();
        report.checks.push(Check::fail("database", "refused", "start it"));
        assert_eq!(report.status(), Status::Fail);
        report.checks.retain(|check| check.status == Status::Skipped);
        assert_eq!(report.status(), Status::Ok);
    }

    #[test]
    fn programs_read_the_same() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap_or_default();
        assert_eq!(json["status"], "warn");
        let topic = serde_json::json!({"name": "topic", "status": "warn", "detail": "one replica", "fix": "use 3"});
        assert_eq!(json["checks"][1], topic);
        assert_eq!(json["checks"][2]["status"], "skipped");
    }
}
