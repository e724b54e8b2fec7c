//! A part that is a container. The engine's own command breaks and mends it: it sends any signal.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::Control;
use crate::Result;
use crate::command::output;

#[derive(Debug)]
pub(crate) struct Container {
    name: &'static str,
    id: String,
}

impl Container {
    pub(crate) fn new(name: &'static str, id: impl Into<String>) -> Self {
        Self { name, id: id.into() }
    }

    fn docker(&self, args: &[&str]) -> Result<String> {
        output(Command::new("docker").args(args).arg(&self.id))
    }

    /// For what is no error in a state where it has no meaning.
    fn attempt(&self, args: &[&str]) {
        let _ = self.docker(args);
    }

    fn inspect(&self, format: &str) -> Option<String> {
        self.docker(&["inspect", "--format", format]).ok().map(|text| text.trim().to_owned())
    }
}

impl Control for Container {
    fn spawn(&self) -> Result<()> {
        self.docker(&["start"]).map(drop)
    }

    fn stop(&self, grace: Duration) {
        self.resume();
        self.attempt(&["stop", "--time", &grace.as_secs().to_string()]);
    }

    fn discard(&self) {
        self.attempt(&["rm", "--force", "--volumes"]);
    }

    fn kill(&self) {
        // An engine may refuse to signal what is paused.
        self.resume();
        self.attempt(&["kill", "--signal", "KILL"]);
        self.attempt(&["wait"]);
    }

    fn pause(&self) {
        self.attempt(&["pause"]);
    }

    fn resume(&self) {
        self.attempt(&["unpause"]);
    }

    fn ended(&self) -> Option<String> {
        let state = self.inspect("{{.State.Status}} {{.State.ExitCode}}")?;
        let code = state.strip_prefix("exited ")?;
        Some(format!("exit status: {code}"))
    }

    fn pid(&self) -> Option<u32> {
        self.inspect("{{.State.Pid}}")?.parse().ok().filter(|pid| *pid > 0)
    }

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn log(&self) -> String {
        format!("docker logs {}", self.id)
    }

    fn log_tail(&self, lines: usize) -> String {
        let lines = lines.to_string();
        output_of_both(Command::new("docker").args(["logs", "--tail", &lines]).arg(&self.id))
    }
}

/// Runs a command and returns all that it printed, on either stream, however it ended.
fn output_of_both(command: &mut Command) -> String {
    let Ok(done) = command.stdin(Stdio::null()).output() else {
        return String::new();
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&done.stdout) + &text(&done.stderr)
}
