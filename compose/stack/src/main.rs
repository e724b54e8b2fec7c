//! `stack`: brings up the broker, the database and the services that oncelog needs.

// Doc comments here are the help text, read in a terminal.
#![allow(clippy::doc_markdown)]

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The stack under oncelog: broker, database and services on this machine.
///
/// ONCELOG_STACK=containers|native forces one of its two forms; ONCELOG_INSTALL=0 forbids to
/// install what is missing; ONCELOG_CACHE says where Kafka and PostgreSQL are kept, which Maven
/// fetches; ONCELOG_POSTGRES=system takes the machine's PostgreSQL, and a directory the one in it.
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
    /// Build oncelog and start broker, database, api and consumer, to stay; wait until all are
    /// ready. Again: start what has died.
    Up,
    /// Stop all of it. The data stay.
    Down,
    /// Stop all of it and delete the data.
    Reset,
    /// Show what runs.
    Ps,
    /// Show the logs together.
    Logs(cli::logs::Logs),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(run) => run.execute().await,
        Command::Up => cli::up::up().map(succeed),
        Command::Down => cli::up::down().map(succeed),
        Command::Reset => cli::up::reset().map(succeed),
        Command::Ps => cli::ps::ps().map(succeed),
        Command::Logs(logs) => logs.execute().map(succeed),
    };
    done.unwrap_or_else(|error| {
        eprintln!("stack: {error:#}");
        ExitCode::FAILURE
    })
}

fn succeed(_done: ()) -> ExitCode {
    ExitCode::SUCCESS
}
