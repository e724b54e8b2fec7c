//! `oncelog-sim bench`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::own::program;
use super::target::unjudged;
use crate::bench::{self, Bench, Report, Size, Terms};
use crate::progress::Progress;

/// Benchmarks, on a broker and a database of their own.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum, default_values_t = [Kind::Sink, Kind::Ingest, Kind::Latency, Kind::Memory, Kind::Growth])]
    benches: Vec<Kind>,
    /// Less of everything: for trying something out, not for figures to be quoted
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// A million events each
    #[arg(long)]
    full: bool,
    /// Events that the sink drains
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(20_000..=10_000_000))]
    events: Option<usize>,
    /// How often each figure is measured, in turns with its limit
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    rounds: usize,
    /// Only workloads whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// The binary to measure [default: oncelog beside this program]
    #[arg(long, env = "ONCELOG_BINARY", value_name = "FILE")]
    oncelog: Option<PathBuf>,
    /// Write the figures as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with plots, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// From Kafka into PostgreSQL
    Sink,
    /// From HTTP into Kafka
    Ingest,
    /// From a request to its verdict
    Latency,
    /// Resident memory at rest, under load, with a backlog, without a database
    Memory,
    /// Rates and reads in a table that grows
    Growth,
}

impl From<Kind> for Bench {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Sink => Self::Sink,
            Kind::Ingest => Self::Ingest,
            Kind::Latency => Self::Latency,
            Kind::Memory => Self::Memory,
            Kind::Growth => Self::Growth,
        }
    }
}

impl BenchArgs {
    pub(super) async fn run(self) -> ExitCode {
        match self.measure().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => unjudged(&error),
        }
    }

    async fn measure(&self) -> Result<()> {
        let progress = Progress::new(self.quiet);
        let report = bench::run(&self.terms()?, &progress).await;
        progress.end();
        let report = report?;
        super::print_line(&report.to_string());
        self.write(&report)
    }

    fn write(&self, report: &Report) -> Result<()> {
        if let Some(file) = &self.json {
            std::fs::write(file, serde_json::to_string_pretty(report)?).with_context(|| file.display().to_string())?;
        }
        if let Some(file) = &self.html {
            std::fs::write(file, report.html()).with_context(|| file.display().to_string())?;
        }
        Ok(())
    }

    fn terms(&self) -> Result<Terms> {
        Ok(Terms {
            benches: self.benches.iter().copied().map(Bench::from).collect(),
            size: match (self.quick, self.full) {
                (true, _) => Size::Quick,
                (_, true) => Size::Full,
                _ => Size::Standard,
            },
            events: self.events,
            only: self.only.clone(),
            rounds: self.rounds,
            oncelog: program(self.oncelog.as_deref())?,
        })
    }
}
