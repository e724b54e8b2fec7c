//! From the command line and the environment to settings, before anything is started.
//!
//! clap reads both. What it can't know is added here: a variable set to nothing is not set, an address that
//! an orchestrator injects is no port, and an error names the variable beside the option.

mod explain;
mod misnamed;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::cli::{self, Cli};
use crate::logging;

/// What a user has asked for.
pub(crate) struct Arguments {
    pub(crate) cli: Cli,
    /// Variables that are passed over, each with the reason; to be logged.
    pub(crate) ignored: Vec<String>,
}

/// Reads the command line and the environment. What can't be read is said on stderr; so is the help.
pub(crate) fn read() -> Result<Arguments, ExitCode> {
    let mut plain = Cli::command();
    // clap finishes its arguments with it: their names can't be written before.
    plain.build();
    let matches = heed(Cli::command()).try_get_matches().map_err(|error| refuse(&plain, &error))?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| refuse(&plain, &error))?;
    let mut ignored = ignored(&plain, &matches);
    // Asked every few seconds, or for a shell: what the processes that serve have said is enough.
    if !matches!(cli.command, cli::Command::Health(_) | cli::Command::Completions { .. }) {
        ignored.extend(misnamed::misnamed(&plain));
    }
    Ok(Arguments { cli, ignored })
}

fn refuse(command: &Command, error: &clap::Error) -> ExitCode {
    match error.kind() {
        // The help of the untouched command: it shows every variable, those set to nothing, too.
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Cli::command().get_matches();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayVersion => error.exit(),
        _ => {
            match explain::explain(command, error) {
                Some(words) => logging::print(&format!("error: {words}")),
                // A reader that has gone is no reason to panic.
                None => drop(error.print()),
            }
            ExitCode::from(2)
        }
    }
}

/// The command without the variables that are not to be heeded.
fn heed(command: Command) -> Command {
    let heeded = |arg: Arg| if variable(&arg).is_heeded() { arg } else { arg.env(None::<&'static str>) };
    command.mut_args(heeded).mut_subcommands(heed)
}

/// What the environment says about one setting.
enum Variable {
    /// It has a value, or none at all.
    Heeded,
    /// It is set to nothing, as compose files do with what they pass on.
    Blank,
    /// Kubernetes and Docker set `NAME_PORT=tcp://10.0.0.1:80` for a service called NAME.
    Injected { name: String, value: String },
}

impl Variable {
    fn is_heeded(&self) -> bool {
        matches!(self, Self::Heeded)
    }
}

fn variable(arg: &Arg) -> Variable {
    let Some((name, Some(value))) = arg.get_env().map(|name| (name, std::env::var_os(name))) else {
        return Variable::Heeded;
    };
    let name = name.to_string_lossy().into_owned();
    judge(name, &value)
}

fn judge(name: String, value: &OsStr) -> Variable {
    const INJECTED: [&str; 3] = ["tcp://", "udp://", "sctp://"];
    let text = value.to_string_lossy();
    let text = text.trim();
    let takes_a_place = name.ends_with("PORT") || name.ends_with("HOST");
    if text.is_empty() {
        Variable::Blank
    } else if takes_a_place && INJECTED.iter().any(|scheme| text.starts_with(scheme)) {
        Variable::Injected { name, value: text.to_owned() }
    } else {
        Variable::Heeded
    }
}

/// What the chosen command would have taken from variables that somebody else has set.
fn ignored(plain: &Command, matches: &ArgMatches) -> Vec<String> {
    let chosen = matches.subcommand_name().and_then(|name| plain.find_subcommand(name));
    let injected = |arg: &Arg| match variable(arg) {
        Variable::Injected { name, value } => Some(format!(
            "{name}={value} is ignored: it is the address of a service that Kubernetes or Docker has set, \
             not a setting of oncelog"
        )),
        Variable::Heeded | Variable::Blank => None,
    };
    chosen.into_iter().flat_map(Command::get_arguments).filter_map(injected).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, value: &str) -> Variable {
        judge(name.to_owned(), OsStr::new(value))
    }

    #[test]
    fn what_is_set_to_nothing_is_not_set() {
        for nothing in ["", " ", "\t \r\n"] {
            assert!(matches!(judged("KAFKA_GROUP", nothing), Variable::Blank), "{nothing:?}");
        }
        assert!(judged("KAFKA_GROUP", "0").is_heeded());
    }

    #[test]
    fn an_injected_address_is_no_port_and_no_host() {
        for name in ["PORT", "CONSUMER_PORT", "HOST", "CONSUMER_HOST"] {
            assert!(matches!(judged(name, "tcp://10.0.0.1:8081"), Variable::Injected { .. }), "{name}");
        }
        assert!(judged("KAFKA_BROKERS", "tcp://10.0.0.1:9092").is_heeded());
        assert!(judged("PORT", "10.0.0.1:8081").is_heeded());
    }
}
