//! The process: `oncelog api | consumer | serve | migrate | doctor | health`.
//!
//! Reads settings, sets up logging, hands over to a room of the house, and turns SIGTERM into a
//! clean stop. Everything that matters happens in the crates it calls.

mod arguments;
mod cli;
mod commands;
mod descriptors;
mod listen;
mod logging;
mod panics;
mod settings;
mod shutdown;

use std::env;
use std::process::ExitCode;

use arguments::Arguments;
use cli::{Cli, Command};
use tikv_jemallocator::Jemalloc;

/// Requests and records are many small pieces that one thread makes and another drops.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    drop_empty_password();
    panics::heed();
    match arguments::read() {
        Ok(arguments) => match run(arguments) {
            Ok(code) => code,
            Err(error) => {
                logging::fatal(&error);
                ExitCode::FAILURE
            }
        },
        Err(refused) => refused,
    }
}

/// A variable that is set to nothing is not set. sqlx takes this one for a password, and looks into no password file.
#[expect(unsafe_code, reason = "there is no safe way to unset a variable")]
fn drop_empty_password() {
    const NAME: &str = "PGPASSWORD";
    if env::var(NAME).is_ok_and(|value| value.trim().is_empty()) {
        // SAFETY: this is the first thing that `main` does, so no other thread can read the environment.
        unsafe { env::remove_var(NAME) }
    }
}

fn run(Arguments { cli, ignored }: Arguments) -> anyhow::Result<ExitCode> {
    let Cli { logging, command } = cli;
    // The doctor's report says it all.
    if matches!(command, Command::Doctor(_)) {
        ignored.iter().for_each(|line| logging::print(line));
    } else {
        logging::start(&logging)?;
        ignored.iter().for_each(|line| tracing::warn!("{line}"));
    }
    match command {
        Command::Api(settings) => commands::run(commands::api(*settings))?,
        Command::Consumer(settings) => commands::run(commands::consumer(*settings))?,
        Command::Serve(settings) => commands::run(commands::serve(*settings))?,
        Command::Migrate(settings) => commands::run(commands::migrate(settings))?,
        Command::Doctor(settings) => return Ok(commands::doctor(&settings)),
        Command::Health(settings) => commands::health(&settings)?,
        Command::Completions { shell } => commands::completions(shell)?,
    }
    Ok(ExitCode::SUCCESS)
}
