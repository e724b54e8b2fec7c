//! One host process: started, watched, broken and ended on purpose.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use crate::tail::tail;
use crate::user::RunAs;
use crate::wait::until;
use crate::{Error, Result, processes, spawner};

/// How long killed processes may take to leave: the system frees their memory first.
const GONE: Duration = Duration::from_secs(10);

/// How a process is to be started. Cheap to clone, so that the same process can be started again.
#[derive(Clone, Debug)]
pub struct ServiceBuilder {
    name: String,
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    log: PathBuf,
    dir: Option<PathBuf>,
    user: Option<RunAs>,
}

/// A running (or ended) process that this one has started.
///
/// It ends with this process, however that ends: the kernel sends it SIGKILL. Its output is
/// appended to a file. It has a process group of its own, so that Ctrl-C in a terminal does not
/// reach it. Dropping it kills it and everything below it.
#[derive(Debug)]
pub struct Service {
    name: String,
    log: PathBuf,
    pid: u32,
    child: Mutex<Child>,
}

impl ServiceBuilder {
    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the process's environment; the rest is inherited.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets several variables.
    #[must_use]
    pub fn envs<N: Into<String>>(mut self, all: impl IntoIterator<Item = (N, String)>) -> Self {
        self.env.extend(all.into_iter().map(|(name, value)| (name.into(), value)));
        self
    }

    /// The directory in which the process starts.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// What makes two processes the same: program, arguments, environment.
    pub(crate) fn identity(&self) -> (&Path, &[String], &[(String, String)]) {
        (&self.program, &self.args, &self.env)
    }

    /// Runs as an unprivileged user where root starts it, as broker and database do.
    pub fn unprivileged(self) -> Result<Self> {
        Ok(self.user(RunAs::choose()?))
    }

    pub(crate) fn user(mut self, user: Option<RunAs>) -> Self {
        self.user = user;
        self
    }

    /// The name given to [`Service::builder`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts the process. Returns as soon as it exists, which says nothing about its being ready.
    pub fn spawn(&self) -> Result<Service> {
        let mut command = self.command(&["setpriv", "--pdeathsig", "KILL"])?;
        command.process_group(0);
        let child = spawner::spawn(command).map_err(Error::io(format!("start {}", self.name)))?;
        Ok(Service { name: self.name.clone(), log: self.log.clone(), pid: child.id(), child: Mutex::new(child) })
    }

    /// Starts the process in a session of its own, to outlive this one. Returns its pid.
    pub(crate) fn spawn_daemon(&self) -> Result<Child> {
        self.command(&["setsid", "setpriv"])?.spawn().map_err(Error::io(format!("start {}", self.name)))
    }

    fn command(&self, launcher: &[&str]) -> Result<Command> {
        let log = self.open_log()?;
        let again = log.try_clone().map_err(Error::io("share a log file"))?;
        let mut command = Command::new(launcher[0]);
        command.args(&launcher[1..]);
        if let Some(user) = &self.user {
            command.args(user.setpriv_args());
        }
        command.arg("--").arg(&self.program).args(&self.args);
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(log).stderr(again);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        Ok(command)
    }

    fn open_log(&self) -> Result<fs::File> {
        let wrong = || Error::io(format!("open the log {}", self.log.display()));
        if let Some(parent) = self.log.parent() {
            fs::create_dir_all(parent).map_err(wrong())?;
        }
        OpenOptions::new().create(true).append(true).open(&self.log).map_err(wrong())
    }
}

impl Service {
    /// Describes a process: its name in messages, its program, the file that gets its output.
    pub fn builder(name: impl Into<String>, program: impl Into<PathBuf>, log: impl Into<PathBuf>) -> ServiceBuilder {
        ServiceBuilder {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            log: log.into(),
            dir: None,
            user: None,
        }
    }

    /// The name given to [`Service::builder`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id. After the end it may belong to somebody else.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file that holds the output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What the process has printed so far; empty if it can't be read.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read(&self.log).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last `lines` of the log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        tail(&self.log_text(), lines)
    }

    /// Whether the process has not ended. A paused process is running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// How the process ended, or `None` while it runs.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    /// Waits for the end, at most `within`; `None` if the process still runs then.
    #[must_use]
    pub fn wait_exit(&self, within: Duration) -> Option<ExitStatus> {
        until(within, || self.exit_status())
    }

    /// SIGKILL to the process and everything below it, and waits until all of it is gone.
    pub fn kill(&self) {
        let mut child = self.child();
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let members = processes::members(self.pid);
        members.iter().for_each(|member| member.signal(Signal::KILL));
        // Nothing survives SIGKILL; the wait only takes the exit status off the system.
        let _ = child.wait();
        // What the others hold (ports, shared memory) is free when they have gone, too.
        let _ = until(GONE, || (!members.iter().any(processes::Member::is_there)).then_some(()));
    }

    /// SIGTERM to the process: it may shut down in order. Does not wait.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP to the process and everything below it: it keeps its connections and does nothing.
    pub fn pause(&self) {
        self.signal_tree(Signal::STOP);
    }

    /// SIGCONT to the process and everything below it: goes on after [`Service::pause`].
    pub fn resume(&self) {
        self.signal_tree(Signal::CONT);
    }

    /// `signal`, then up to `grace` for an orderly end, then SIGKILL. Returns how it ended.
    pub(crate) fn stop_by(&self, signal: Signal, grace: Duration) -> Option<ExitStatus> {
        self.signal(signal);
        let ended = self.wait_exit(grace);
        self.kill();
        ended
    }

    /// SIGTERM, up to `grace` for an orderly end, then SIGKILL.
    ///
    /// Returns the exit status of an orderly end, `None` if it had to be killed.
    pub fn stop(&self, grace: Duration) -> Option<ExitStatus> {
        self.stop_by(Signal::TERM, grace)
    }

    /// Resident memory in bytes; `None` after the end.
    #[must_use]
    pub fn rss(&self) -> Option<u64> {
        self.is_running().then(|| processes::resident(self.pid)).flatten()
    }

    /// Any signal to the process itself. After the end it does nothing.
    pub fn signal(&self, signal: Signal) {
        // The lock keeps the pid from being reaped, and so from being given to somebody else.
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) {
            processes::signal_one(self.pid, signal);
        }
    }

    fn signal_tree(&self, signal: Signal) {
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) {
            processes::signal_tree(self.pid, signal);
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
