//! The command line.

mod bench;
mod own;
mod prove;
mod publish;
mod run;
mod target;
mod values;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::report::{Page, Report};
use crate::scenarios;

pub use bench::BenchArgs;
pub use prove::ProveArgs;
pub use publish::PublishArgs;
pub use run::RunArgs;
pub use target::Target;

const EXIT_CODES: &str = "Exit codes: 0 passed, 1 failed, 2 wrong command line, 3 could not be judged.";

/// Plays publishers that repeat themselves, and gives a verdict on what the server
/// kept.
#[derive(Debug, Parser)]
#[command(name = "oncelog-sim", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Publish events of which a share are repeats, then check that each is there once
    #[command(after_help = EXIT_CODES)]
    Publish(PublishArgs),
    /// Play scenarios by name, each followed by its verdict
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Measure how fast the services are, each figure beside its limit in the same run
    Bench(BenchArgs),
    /// The handler that benchmarks compare with
    #[command(hide = true, name = "bench-bare-http")]
    BareHttp {
        /// Where it listens.
        port: u16,
    },
    /// Plant bugs in the services, one at a time, and see each of them caught
    #[command(after_help = "Exit codes: 0 all caught, 1 one escaped or a run without bugs failed, 3 not judged.")]
    Prove(ProveArgs),
    /// Name the scenarios
    List,
    /// Print completions for a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> ExitCode {
        match self.command {
            Command::Publish(args) => args.run().await,
            Command::Run(args) => args.run().await,
            Command::Bench(args) => args.run().await,
            Command::BareHttp { port } => match crate::bench::bare_http::serve(port).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("oncelog-sim: {error}");
                    ExitCode::FAILURE
                }
            },
            Command::Prove(args) => args.run().await,
            Command::List => {
                for scenario in scenarios::ALL {
                    let on = if scenario.own { "own stack" } else { "any server" };
                    print_line(&format!("{:<22}  {on:<10}  {}", scenario.name, scenario.about));
                }
                ExitCode::SUCCESS
            }
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "oncelog-sim", &mut std::io::stdout());
                ExitCode::SUCCESS
            }
        }
    }
}

/// Prints a report to standard output, as JSON or as a table.
fn print_report(report: &Report, json: bool) {
    if json {
        match serde_json::to_string(report) {
            Ok(report) => print_line(&report),
            Err(error) => eprintln!("oncelog-sim: the report cannot be written as JSON: {error}"),
        }
    } else {
        print_line(&report.to_string());
    }
}

/// Brings the page for a browser up to date.
fn show(page: Option<&Page>, reports: &[Report]) {
    let Some(page) = page else {
        return;
    };
    match page.write(reports) {
        Ok(()) => {}
        Err(error) => eprintln!("oncelog-sim: the report {} cannot be written: {error}", page.path().display()),
    }
}

/// Like `println!`, but a reader that has gone (`| head`) is no reason to panic.
fn print_line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
