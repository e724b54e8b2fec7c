//! `oncelog-sim prove`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::own::OwnStack;
use super::target::unjudged;
use crate::plan::RunId;
use crate::progress::Progress;
use crate::prove::{Catch, Line, PLANTED, Planted, Program, Proof, VARIABLE, violated};
use crate::publish::PublishOptions;
use crate::report::{Report, Verdict};
use crate::scenarios::{self, Size};
use crate::trial::Terms;

/// A bug may bring everything to a standstill: then it is soon clear.
const TERMS: Terms = Terms {
    wait_ready: Duration::from_mins(1),
    drain_within: Duration::from_secs(30),
    options: PublishOptions { patience: Duration::from_mins(1), respond_async: false },
    check: true,
};

/// Bugs by name, and how hard they are looked for.
#[derive(Clone, Debug, Args)]
pub struct ProveArgs {
    /// Only this bug; may be repeated [default: all]
    #[arg(long = "bug", value_name = "NAME", value_parser = PossibleValuesParser::new(PLANTED.iter().map(|p| p.bug)))]
    bugs: Vec<String>,
    /// The first seed
    #[arg(long, env = "ONCELOG_SIM_SEED", value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Seeds until a bug counts as escaped
    #[arg(long, value_name = "N", default_value_t = 12)]
    seeds: u64,
    /// A program that was built with the feature `planted` [default: it is built]
    #[arg(long, value_name = "PATH")]
    oncelog: Option<PathBuf>,
    /// Keep what the services print, in this directory
    #[arg(long, env = "ONCELOG_SIM_LOGS", value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short, env = "ONCELOG_SIM_QUIET")]
    quiet: bool,
}

impl ProveArgs {
    pub(super) async fn run(self) -> ExitCode {
        match self.prove().await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => unjudged(&error),
        }
    }

    async fn prove(&self) -> anyhow::Result<bool> {
        let program = match &self.oncelog {
            Some(path) => Program::at(path)?,
            None => Program::build()?,
        };
        let chosen: Vec<&Planted> =
            PLANTED.iter().filter(|p| self.bugs.is_empty() || self.bugs.iter().any(|bug| bug == p.bug)).collect();
        let mut bench = Bench {
            stack: OwnStack::of(program.path().to_owned(), self.logs.clone()),
            progress: Arc::new(Progress::new(self.quiet)),
            seeds: self.seed..self.seed.saturating_add(self.seeds),
            clean: BTreeMap::new(),
        };
        let (mut proof, begun) = (Proof::default(), Instant::now());
        super::print_line(&Proof::head());
        for planted in &chosen {
            bench.progress.run(planted.bug, (proof.lines.len(), chosen.len()), begun);
            let line = bench.look_for(planted).await?;
            super::print_line(&line.to_string());
            proof.lines.push(line);
        }
        super::print_line(&format!("\n{proof}\none of them again: oncelog-sim prove --bug NAME --seed N"));
        Ok(proof.holds())
    }
}

/// Where bugs are looked for.
struct Bench {
    stack: OwnStack,
    progress: Arc<Progress>,
    seeds: std::ops::Range<u64>,
    /// What runs without a bug came to.
    clean: BTreeMap<(&'static str, u64), Verdict>,
}

impl Bench {
    /// Seed by seed, until a scenario catches it.
    async fn look_for(&mut self, planted: &Planted) -> anyhow::Result<Line> {
        let mut runs = 0;
        for seed in self.seeds.clone() {
            for scenario in planted.scenarios {
                runs += 1;
                let report = self.play(scenario, seed, Some(planted.bug)).await?;
                if report.verdict == Verdict::Fail {
                    let (scenario, violated, clean) = (*scenario, violated(&report), self.clean(scenario, seed).await?);
                    let caught = Some(Catch { scenario, seed, violated, clean });
                    return Ok(Line { bug: planted.bug, caught, runs });
                }
            }
        }
        Ok(Line { bug: planted.bug, caught: None, runs })
    }

    /// The same run without a bug; once for all bugs that it has caught.
    async fn clean(&mut self, scenario: &'static str, seed: u64) -> anyhow::Result<Verdict> {
        if let Some(verdict) = self.clean.get(&(scenario, seed)) {
            return Ok(verdict.clone());
        }
        let report = self.play(scenario, seed, None).await?;
        if report.verdict != Verdict::Pass {
            eprintln!("{report}");
        }
        self.clean.insert((scenario, seed), report.verdict.clone());
        Ok(report.verdict)
    }

    async fn play(&self, scenario: &str, seed: u64, bug: Option<&str>) -> anyhow::Result<Report> {
        let scenario = scenarios::named(scenario).context("no such scenario")?;
        let run = RunId::random(&mut fake::rand::rng());
        let mut plan = scenario.plan(seed, &run, Size { events: scenario.events });
        // Also where it is none: the services inherit what this process was started with.
        plan.setting.variables.push((VARIABLE, bug.unwrap_or_default().to_owned()));
        self.progress.say(&format!("{}, seed {seed}, {}", scenario.name, bug.unwrap_or("no bug")));
        let again = format!("oncelog-sim run {} --seed {seed}", scenario.name);
        self.stack.hold(plan, &again, (TERMS, self.progress.clone())).await
    }
}
