//! `oncelog-sim publish`.

use std::process::ExitCode;

use clap::Args;

use super::target::{Target, unjudged};
use super::values::{parse_batch, parse_rate, parse_share};
use crate::plan::{BatchSizes, Load, plan_load};

/// A plain load.
#[derive(Clone, Debug, Args)]
pub struct PublishArgs {
    #[command(flatten)]
    target: Target,
    /// Events sent in total, repeats included
    #[arg(long, env = "ONCELOG_SIM_EVENTS", value_name = "N", default_value_t = 1000)]
    events: usize,
    /// Share of them that repeat an earlier one byte for byte, 0 to 1
    #[arg(long, env = "ONCELOG_SIM_DUPLICATES", value_name = "SHARE", default_value = "0.3", value_parser = parse_share)]
    duplicates: f64,
    /// Topics they belong to
    #[arg(long, env = "ONCELOG_SIM_TOPICS", value_name = "N", default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    topics: usize,
    /// Events per request: a number, or a range like 1..50
    #[arg(long, env = "ONCELOG_SIM_BATCH", value_name = "N[..M]", default_value = "1..50", value_parser = parse_batch)]
    batch: BatchSizes,
    /// Events per second offered; 0 = as fast as the answers come
    #[arg(long, env = "ONCELOG_SIM_RATE", value_name = "N", default_value = "0", value_parser = parse_rate)]
    rate: f64,
    /// Requests in flight at once
    #[arg(long, env = "ONCELOG_SIM_CONCURRENCY", value_name = "N", default_value_t = 8, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    concurrency: usize,
    /// What the plan is made from [default: random]
    #[arg(long, env = "ONCELOG_SIM_SEED", value_name = "N")]
    seed: Option<u64>,
}

impl PublishArgs {
    pub(super) async fn run(self) -> ExitCode {
        let seed = self.seed.unwrap_or_else(|| u64::from(fake::rand::random::<u32>()));
        let load = Load {
            events: self.events,
            duplicates: self.duplicates,
            topics: self.topics,
            batch: self.batch,
            rate: self.rate,
            concurrency: self.concurrency,
        };
        let plan = plan_load(&load, seed, &self.target.run_id());
        let page = match self.target.page() {
            Ok(page) => page,
            Err(error) => return unjudged(&error),
        };
        match self.target.hold(plan, &self.again(seed), self.target.progress()).await {
            Ok(report) => {
                super::print_report(&report, self.target.json);
                super::show(page.as_ref(), std::slice::from_ref(&report));
                report.exit_code()
            }
            Err(error) => unjudged(&error),
        }
    }

    fn again(&self, seed: u64) -> String {
        format!(
            "oncelog-sim publish --events {} --duplicates {} --topics {} --batch {} --rate {} --concurrency {} --seed {seed}",
            self.events, self.duplicates, self.topics, self.batch, self.rate, self.concurrency
        )
    }
}
