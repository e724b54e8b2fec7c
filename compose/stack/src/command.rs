//! Helper commands that run to their end.

use std::process::{Command, Stdio};

use crate::tail::tail;
use crate::{Error, Result};

/// Runs a command quietly and returns what it printed; an error holds the end of all its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let done = command.stdin(Stdio::null()).output().map_err(Error::io(format!("run `{shown}`")))?;
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(printed);
    }
    let all = format!("{printed}{}", String::from_utf8_lossy(&done.stderr));
    Err(Error::Command { command: shown, status: done.status, output: tail(&all, 20) })
}

/// The command line, shortened: a Java class path has thousands of characters.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<String> = words.map(|w| w.to_string_lossy().into_owned()).collect();
    line.join(" ").chars().take(200).collect()
}
