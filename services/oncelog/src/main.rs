//! The process: `oncelog api | consumer | serve | migrate | health`.
//!
//! Reads settings, sets up logging, hands over to a room of the house, and turns SIGTERM into a
//! clean stop. Everything that matters happens in the crates it calls.

mod cli;
mod commands;
mod logging;
mod settings;
mod shutdown;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use tikv_jemallocator::Jemalloc;

/// Requests and records are many small pieces that one thread makes and another drops.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.logging);
    let done = match cli.command {
        Command::Api(settings) => commands::run(commands::api(*settings)),
        Command::Consumer(settings) => commands::run(commands::consumer(*settings)),
        Command::Serve(settings) => commands::run(commands::serve(*settings)),
        Command::Migrate(settings) => commands::run(commands::migrate(settings)),
        Command::Health(settings) => commands::health(&settings),
        Command::Completions { shell } => {
            commands::completions(shell);
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
