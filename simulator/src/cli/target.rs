//! Options about the server, common to all commands that publish.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use super::values::{parse_duration, parse_process};
use crate::plan::{Plan, RunId};
use crate::progress::Progress;
use crate::publish::PublishOptions;
use crate::report::{Page, Report};
use crate::server::Server;
use crate::timeline::Timeline;
use crate::trial::{Terms, Trial};

/// The server and how it is dealt with.
// Each of them is a switch on the command line.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// The server
    #[arg(long, env = "ONCELOG_URL", default_value = "http://127.0.0.1:8080")]
    pub url: Url,
    /// Name of this run, part of its topics and ids [default: random]
    #[arg(long, env = "ONCELOG_SIM_RUN")]
    pub run: Option<RunId>,
    /// Wait this long for the server to be ready
    #[arg(long, env = "ONCELOG_SIM_WAIT_READY", value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub wait_ready: Duration,
    /// Give up when nothing was answered for this long
    #[arg(long, env = "ONCELOG_SIM_PATIENCE", value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub patience: Duration,
    /// Everything has to be stored this long after the last answer
    #[arg(long, env = "ONCELOG_SIM_DRAIN", value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub drain: Duration,
    /// Ask the server not to wait for verdicts (202)
    #[arg(long, env = "ONCELOG_SIM_RESPOND_ASYNC")]
    pub respond_async: bool,
    /// Read nothing back; judge the answers alone
    #[arg(long, env = "ONCELOG_SIM_NO_CHECK")]
    pub no_check: bool,
    /// Print the report as one JSON object
    #[arg(long, env = "ONCELOG_SIM_JSON")]
    pub json: bool,
    /// Write a page with plots, for a browser
    #[arg(long, env = "ONCELOG_SIM_REPORT", value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Plot the memory of a process on this machine; may be repeated
    #[arg(long, value_name = "NAME=PID", value_parser = parse_process)]
    pub watch: Vec<(String, u32)>,
    /// Show no progress
    #[arg(long, short, env = "ONCELOG_SIM_QUIET")]
    pub quiet: bool,
}

impl Target {
    /// Publishes a plan to the server and judges it. `again` repeats the plan.
    pub async fn hold(&self, plan: Plan, again: &str, progress: Arc<Progress>) -> Result<Report, reqwest::Error> {
        let server = Server::new(self.url.clone())?;
        let terms = self.terms();
        let timeline = Arc::new(Timeline::new(progress));
        for (name, pid) in &self.watch {
            timeline.watch(name, *pid);
        }
        let trial = Trial { plan: Arc::new(plan), server, terms, timeline };
        Ok(trial.hold(format!("{again}{}", self.again())).await)
    }

    /// The page for a browser, if one was asked for.
    pub fn page(&self) -> Result<Option<Page>, NoPage> {
        let page =
            self.report.as_ref().map(|path| Page::create(path).map_err(|why| NoPage { path: path.clone(), why }));
        page.transpose()
    }

    /// How a trial is held.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let options = PublishOptions { patience: self.patience, respond_async: self.respond_async };
        Terms { wait_ready: self.wait_ready, drain_within: self.drain, options, check: !self.no_check }
    }

    /// For the person who looks on.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::new(Progress::new(self.quiet))
    }

    /// This run's name.
    #[must_use]
    pub fn run_id(&self) -> RunId {
        self.run.clone().unwrap_or_else(|| RunId::random(&mut fake::rand::rng()))
    }

    /// What of these options belongs to the command that repeats a run. The run's
    /// name does not: it cannot be used on a server twice.
    fn again(&self) -> String {
        let mut again = format!(" --url {}", self.url);
        if self.respond_async {
            again.push_str(" --respond-async");
        }
        again
    }
}

/// The page cannot be written there: choose another --report.
#[derive(Debug, thiserror::Error)]
#[error("the report {} cannot be written: {why}", path.display())]
pub struct NoPage {
    path: PathBuf,
    why: std::io::Error,
}

/// Says why nothing could be judged.
pub(super) fn unjudged(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("oncelog-sim: {error:#}");
    ExitCode::from(3)
}
