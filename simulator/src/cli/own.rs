//! Options about a stack of the simulator's own, and the runs on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::sync::OnceCell;

use crate::plan::Plan;
use crate::progress::Progress;
use crate::prove::VARIABLE;
use crate::report::Report;
use crate::scenarios::Scenario;
use crate::server::Server;
use crate::testbed::Testbed;
use crate::timeline::Timeline;
use crate::trial::{Terms, Trial};

/// A broker, a database and services that may be broken; started when the first
/// scenario needs them, gone with this process.
#[derive(Clone, Debug, Args)]
pub(super) struct OwnStack {
    /// The services' program, where a stack is started [default: beside this one]
    #[arg(long, env = "ONCELOG_BINARY", value_name = "PATH")]
    oncelog: Option<PathBuf>,
    /// Play scenarios without faults on a stack of their own, too, in place of --url
    #[arg(long, env = "ONCELOG_SIM_OWN")]
    own: bool,
    /// Keep what the services print, in this directory
    #[arg(long, env = "ONCELOG_SIM_LOGS", value_name = "DIR")]
    logs: Option<PathBuf>,
    #[arg(skip)]
    testbed: Arc<OnceCell<Testbed>>,
}

impl OwnStack {
    /// One for this program.
    #[must_use]
    pub(super) fn of(oncelog: PathBuf, logs: Option<PathBuf>) -> Self {
        Self { oncelog: Some(oncelog), own: true, logs, testbed: Arc::default() }
    }

    /// Whether this scenario is played here.
    #[must_use]
    pub(super) fn plays(&self, scenario: &Scenario) -> bool {
        self.own || scenario.own
    }

    /// Plays a plan on an environment of its own and judges it. `again` repeats the plan.
    pub(super) async fn hold(
        &self,
        plan: Plan,
        again: &str,
        (terms, progress): (Terms, Arc<Progress>),
    ) -> anyhow::Result<Report> {
        progress.say("starting a broker and a database");
        let testbed = self.testbed.get_or_try_init(|| self.start()).await?;
        let timeline = Arc::new(Timeline::new(progress));
        let mut environment = testbed.environment(&plan, &timeline).await?;
        let server = Server::new(environment.url().clone())?.with_consumer(environment.consumer_url()?);
        let own = if plan.injections.is_empty() { " --own" } else { "" };
        let again = format!("{}{again}{own}{}", planted(), self.oncelog_option());
        let trial = Trial { plan: Arc::new(plan), server, terms, timeline };
        let report = trial.hold_on(Some(&mut environment), again).await;
        if let Err(error) = environment.remove().await {
            // The verdict stands; the stack goes with this process anyway.
            eprintln!("oncelog-sim: something of the run is left until the end: {error}");
        }
        Ok(report)
    }

    fn oncelog_option(&self) -> String {
        self.oncelog.as_ref().map_or_else(String::new, |program| format!(" --oncelog {}", program.display()))
    }

    async fn start(&self) -> anyhow::Result<Testbed> {
        Ok(Testbed::start(program(self.oncelog.as_deref())?, self.logs.clone()).await?)
    }
}

/// The services' program: the one that was named, or the one beside this.
pub(super) fn program(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let program = match named {
        Some(program) => program.to_owned(),
        None => std::env::current_exe()?.with_file_name("oncelog"),
    };
    let missing = || format!("{}: build it (cargo build --bin oncelog), or name it by --oncelog", program.display());
    program.canonicalize().with_context(missing)
}

/// A bug that the services were given with the environment: without it they do not fail again.
fn planted() -> String {
    std::env::var(VARIABLE).map_or_else(|_| String::new(), |bug| format!("{VARIABLE}={bug} "))
}
