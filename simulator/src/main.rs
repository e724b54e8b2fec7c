//! `oncelog-sim`: see the library.

use std::process::ExitCode;

use clap::Parser;
use simulator::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
