//! `stack`: brings up the broker, the database and the services that oncelog needs.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The stack under oncelog: broker, database and services on this machine.
///
/// ONCELOG_STACK=containers|native forces one of its two forms; ONCELOG_INSTALL=0 forbids to
/// install what is missing; ONCELOG_CACHE says where the broker's jars are kept.
#[derive(Debug, Parser)]
#[command(name = "stack", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command with a fresh broker and database, whose addresses it gets as KAFKA_BROKERS
    /// and DATABASE_URL; everything is gone afterwards.
    Run(cli::run::Run),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(run) => run.execute().await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("stack: {error:#}");
        ExitCode::FAILURE
    })
}
