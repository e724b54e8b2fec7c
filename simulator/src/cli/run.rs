//! `oncelog-sim run`.

use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::own::OwnStack;
use super::target::{NoPage, Target, unjudged};
use super::values::parse_seeds;
use crate::plan::RunId;
use crate::report::{Page, Report, Verdict};
use crate::scenarios::{self, Scenario, Size};

/// Scenarios by name.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Scenarios, as `oncelog-sim list` names them; `all`, or `ci`: a selection of a few minutes
    #[arg(required = true, value_name = "NAME", value_parser = parse_name)]
    names: Vec<Choice>,
    #[command(flatten)]
    target: Target,
    /// What the plans are made from [default: random]
    #[arg(long, env = "ONCELOG_SIM_SEED", value_name = "N")]
    seed: Option<u64>,
    /// Plays each scenario with each of these seeds, the last one included
    #[arg(long, env = "ONCELOG_SIM_SEEDS", value_name = "A..B", conflicts_with = "seed", value_parser = parse_seeds)]
    seeds: Option<RangeInclusive<u64>>,
    /// Size of the scenario, in events sent [default: the scenario's own]
    #[arg(long, env = "ONCELOG_SIM_EVENTS", value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000_000))]
    events: Option<usize>,
    #[command(flatten)]
    own: OwnStack,
    /// Print the plan and send nothing
    #[arg(long)]
    plan: bool,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    All,
    Ci,
    One(&'static Scenario),
}

fn parse_name(name: &str) -> Result<Choice, String> {
    match name {
        "all" => return Ok(Choice::All),
        "ci" => return Ok(Choice::Ci),
        _ => {}
    }
    scenarios::named(name).map(Choice::One).ok_or_else(|| {
        let names: Vec<_> = scenarios::ALL.iter().map(|scenario| scenario.name).collect();
        format!("no such scenario; there are: {}", names.join(", "))
    })
}

impl RunArgs {
    pub(super) async fn run(self) -> ExitCode {
        tokio::select! {
            code = self.play() => code,
            // What runs is dropped with the future: processes, databases, the stack.
            () = interrupted() => ExitCode::from(130),
        }
    }

    async fn play(&self) -> ExitCode {
        let mut reports = Vec::new();
        let mut trouble = None;
        let (progress, begun) = (self.target.progress(), Instant::now());
        let chosen = self.chosen();
        let page = match self.page() {
            Ok(page) => page,
            Err(error) => return unjudged(&error),
        };
        for (done, (scenario, seed)) in chosen.iter().copied().enumerate() {
            let size = Size { events: self.events.unwrap_or(scenario.events) };
            let plan = scenario.plan(seed, &self.run_id(scenario, seed), size);
            if self.plan {
                super::print_line(&if self.target.json {
                    serde_json::json!(plan).to_string()
                } else {
                    plan.to_string()
                });
                continue;
            }
            progress.run(scenario.name, (done, chosen.len()), begun);
            let again = self.again(scenario, seed);
            let held = if self.own.plays(scenario) {
                self.own.hold(plan, &again, (self.target.terms(), progress.clone())).await
            } else {
                self.target.hold(plan, &again, progress.clone()).await.map_err(anyhow::Error::from)
            };
            match held {
                Ok(report) => reports.push(report),
                // The next one may be played all the same.
                Err(error) => trouble = Some(unjudged(&error)),
            }
            super::show(page.as_ref(), &reports);
            if let Some(report) = reports.last().filter(|_| !self.target.json) {
                super::print_line(&format!("{report}\n"));
            }
        }
        match (self.conclude(&reports), trouble) {
            (code, Some(trouble)) if code == ExitCode::SUCCESS => trouble,
            (code, _) => code,
        }
    }

    fn page(&self) -> Result<Option<Page>, NoPage> {
        if self.plan { Ok(None) } else { self.target.page() }
    }

    fn conclude(&self, reports: &[Report]) -> ExitCode {
        match reports {
            [report] if self.target.json => super::print_report(report, true),
            _ if self.target.json && !self.plan => {
                super::print_line(&serde_json::json!(reports).to_string());
            }
            [_, _, ..] => {
                for report in reports {
                    super::print_line(&format!("{:<22} seed {:<10} {}", report.scenario, report.seed, report.verdict));
                }
            }
            _ => {}
        }
        let failed = reports.iter().find(|report| report.verdict == Verdict::Fail);
        let unjudged = reports.iter().find(|report| report.verdict != Verdict::Pass);
        failed.or(unjudged).map_or(ExitCode::SUCCESS, Report::exit_code)
    }

    /// Each scenario with each seed.
    fn chosen(&self) -> Vec<(&'static Scenario, u64)> {
        let seed = || self.seed.unwrap_or_else(|| u64::from(fake::rand::random::<u32>()));
        let seeds = self.seeds.clone().map_or_else(|| vec![seed()], Iterator::collect);
        let chosen = self.names.iter().flat_map(|choice| match choice {
            Choice::All => scenarios::ALL.iter().collect(),
            Choice::Ci => scenarios::ALL.iter().filter(|scenario| scenarios::CI.contains(&scenario.name)).collect(),
            Choice::One(scenario) => vec![*scenario],
        });
        chosen.flat_map(|scenario| seeds.iter().map(move |seed| (scenario, *seed))).collect()
    }

    /// Each scenario has topics of its own, also where the run's name was given.
    fn run_id(&self, scenario: &Scenario, seed: u64) -> RunId {
        match &self.target.run {
            Some(run) if self.seeds.is_some() => run.of(&format!("{}-{seed}", scenario.name)),
            Some(run) => run.of(scenario.name),
            None => self.target.run_id(),
        }
    }

    fn again(&self, scenario: &Scenario, seed: u64) -> String {
        let events = self.events.map_or_else(String::new, |events| format!(" --events {events}"));
        format!("oncelog-sim run {} --seed {seed}{events}", scenario.name)
    }
}

/// Until Ctrl-C or SIGTERM; a second one ends the process at once, and the kernel and
/// the stack's janitor clean up.
async fn interrupted() {
    let mut terminated = signal(SignalKind::terminate()).ok();
    wait(&mut terminated).await;
    tokio::spawn(async move {
        wait(&mut terminated).await;
        std::process::exit(130);
    });
}

async fn wait(terminated: &mut Option<Signal>) {
    let terminated = async {
        match terminated {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}
