//! `stack run -- COMMAND…`

use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use stack::{Backend, Kind, Options, Own, Signal, Stack, signal_tree};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long the command may take to end after a signal, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// The arguments of `stack run`.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Run {
    /// Brings the stack up, runs the command, tears the stack down; the exit code is the command's.
    ///
    /// SIGINT and SIGTERM are passed on. They end the bringing-up too: what has come up by then
    /// goes with this process.
    pub(crate) async fn execute(self) -> Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let starting = spawn_blocking(|| {
            let backend = Backend::choose()?;
            eprintln!("stack: {backend}");
            Own::start(backend.kind, &Options::default())
        });
        let own = tokio::select! {
            started = starting => started.context("starting the stack")??,
            signal = signals.next() => std::process::exit(128 + signal.as_raw()),
        };
        let status = self.supervise(&own.addresses(), &mut signals).await;
        spawn_blocking(move || drop(own)).await.context("tearing the stack down")?;
        Ok(exit_code(status?))
    }

    async fn supervise(&self, addresses: &Stack, signals: &mut Signals) -> Result<ExitStatus> {
        let child = self.spawn(addresses)?;
        let pid = child.id();
        let mut ended = spawn_blocking(move || wait(child));
        loop {
            tokio::select! {
                status = &mut ended => return status.context("waiting for the command")?,
                signal = signals.next() => {
                    signal_tree(pid, signal);
                    tokio::spawn(async move {
                        sleep(GRACE).await;
                        signal_tree(pid, Signal::KILL);
                    });
                }
            }
        }
    }

    fn spawn(&self, addresses: &Stack) -> Result<Child> {
        let mut command = Command::new("setpriv");
        if addresses.kind == Kind::Containers && !stack::has("setpriv") {
            command = Command::new("env");
        } else {
            command.args(["--pdeathsig", "KILL"]);
        }
        command
            .arg("--")
            .args(&self.command)
            .envs(addresses.variables())
            .spawn()
            .with_context(|| format!("running {}", self.command.join(" ")))
    }
}

fn wait(mut child: Child) -> Result<ExitStatus> {
    child.wait().context("waiting for the command")
}

fn exit_code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or(status.signal().map(|s| 128 + s)).unwrap_or(1);
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The signals that end a command from outside.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
        }
    }
}
