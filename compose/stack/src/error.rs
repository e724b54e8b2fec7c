//! What can go wrong while the stack comes up. Each variant says what the caller can do.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why the stack, or a part of it, is not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The addresses of a running stack are not in the environment.
    #[error(
        "{variable} is not set: this needs a broker and a database. \
         Run `make test`, or `cargo run --bin stack -- run -- COMMAND` for one command"
    )]
    NoStack {
        /// The variable that was looked for.
        variable: &'static str,
    },
    /// A program that the stack needs is missing and could not be installed.
    #[error("{what} is missing. {advice}")]
    Missing {
        /// The program.
        what: String,
        /// The command that installs it.
        advice: String,
    },
    /// The operating system refused something.
    #[error("cannot {action}: {reason}")]
    Io {
        /// What was tried, with the path or name concerned.
        action: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// A helper command failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    Command {
        /// The command as it was run.
        command: String,
        /// Its exit status.
        status: ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// A process ended although it should serve.
    #[error("{name} ended while it was starting ({status}); its log, {log}, ends with:\n{tail}")]
    Ended {
        /// The process.
        name: String,
        /// How it ended.
        status: String,
        /// Where its whole log is.
        log: String,
        /// The log's last lines.
        tail: String,
    },
    /// A process runs but did not answer in time.
    #[error("{name} does not answer after {waited:?}; its log, {log}, ends with:\n{tail}")]
    NotReady {
        /// The process.
        name: String,
        /// How long it was given.
        waited: Duration,
        /// Where its whole log is.
        log: String,
        /// The log's last lines.
        tail: String,
    },
    /// Somebody else listens on a fixed port.
    #[error("port {port} ({name}) is in use by another process: free it, or choose another with `{setting}=… make up`")]
    PortTaken {
        /// Who wanted it.
        name: String,
        /// The port.
        port: u16,
        /// The variable that moves it.
        setting: &'static str,
    },
    /// The backend that was asked for cannot be had.
    #[error("ONCELOG_STACK={wanted} cannot be honoured: {reason}")]
    Backend {
        /// The value of `ONCELOG_STACK`.
        wanted: String,
        /// Why not.
        reason: String,
    },
    /// The data of the database are of another major version than its programs.
    #[error(
        "the data in {data} are of PostgreSQL {kept}, and this would start PostgreSQL {found}. To keep them, start \
         PostgreSQL {kept}: ONCELOG_POSTGRES=system takes this machine's, and a directory the one in it. \
         docs/src/guides/upgrade.md says how they are moved; `make reset` deletes them"
    )]
    OtherPostgres {
        /// Where they are.
        data: String,
        /// Their version.
        kept: String,
        /// The version of the programs.
        found: u32,
    },
    /// A setting has a value that it can't have.
    #[error("{name}={value}: {rule}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// The container engine refused something.
    #[error("containers: {0}")]
    Container(String),
}

impl Error {
    /// Wraps an I/O error with what was being done.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |reason| Self::Io { action, reason }
    }

    /// Whether somebody else holds the port that was wanted, as programs and container engines say it.
    pub(crate) fn says_port_is_held(&self) -> bool {
        let text = self.to_string();
        ["ddress already in use", "port is already allocated"].iter().any(|words| text.contains(words))
    }
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
