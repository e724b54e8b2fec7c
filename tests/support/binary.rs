//! The binary by itself: what it says to its user, and which settings its help lists.

use std::time::Duration;

use stack::{Service, ServiceBuilder};
use tempfile::TempDir;
use tokio::task::block_in_place;

use super::events::unique;

/// Far above what a start takes that fails.
const WITHIN: Duration = Duration::from_mins(1);

/// A directory for the logs of processes that come and go.
pub(crate) struct Binary {
    dir: TempDir,
}

/// How a process has ended, and all that it has printed.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.said.contains(word), "{word:?} is missing in: {}", self.said);
        }
    }
}

/// A setting as the help lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Setting {
    pub(crate) variable: String,
    /// With its dashes.
    pub(crate) option: String,
}

impl Binary {
    pub(crate) fn new() -> Binary {
        Binary { dir: tempfile::tempdir().unwrap() }
    }

    /// A process with these arguments and variables, not yet started.
    pub(crate) fn process(&self, arguments: &[&str], variables: &[(&str, &str)]) -> ServiceBuilder {
        let log = self.dir.path().join(unique("log"));
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Service::builder("oncelog", env!("CARGO_BIN_EXE_oncelog"), log)
            .args(arguments.iter().copied())
            // The addresses of the stack around the tests are not meant for it.
            .env("KAFKA_BROKERS", "")
            .env("DATABASE_URL", "")
            .envs(variables)
    }

    /// Runs to the end. A process that goes on is a failure.
    pub(crate) fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let process = self.process(arguments, variables).spawn().unwrap();
        let ended = block_in_place(|| process.wait_exit(WITHIN));
        let said = process.log_text();
        let status = ended.unwrap_or_else(|| panic!("{arguments:?} {variables:?} goes on: {said}"));
        Ended { code: status.code(), said }
    }

    /// What this command's help lists.
    pub(crate) fn settings(&self, command: &str) -> Vec<Setting> {
        let help = self.run(&[command, "--help"], &[]).said;
        let options = help.split("\n      --").skip(1);
        let setting = |text: &str| {
            let text: Vec<&str> = text.split_whitespace().collect();
            let at = text.iter().position(|word| *word == "[env:")?;
            let variable = text.get(at + 1)?.trim_end_matches(']').split('=').next()?;
            Some(Setting { variable: variable.to_owned(), option: format!("--{}", text[0]) })
        };
        options.filter_map(setting).collect()
    }

    /// All settings there are.
    pub(crate) fn all_settings(&self) -> Vec<(&'static str, Setting)> {
        let of = |command| self.settings(command).into_iter().map(move |setting| (command, setting));
        let mut all: Vec<_> = of("serve").chain(of("migrate")).chain(of("health")).collect();
        all.sort_by(|(_, one), (_, other)| one.cmp(other));
        all.dedup_by(|(_, one), (_, other)| one.variable == other.variable);
        assert!(all.len() > 40, "the help is not understood: {all:?}");
        all
    }
}
