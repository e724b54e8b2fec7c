//! A shell that waits for the end of this process and removes what it could not remove itself.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::{Error, Result};

/// Watches over what this process has made: runs a script as soon as this process has ended,
/// however it went. The script is to read its standard input to the end first. Dropping the
/// janitor runs it too, and waits for it.
#[derive(Debug)]
pub(crate) struct Janitor(Child);

impl Janitor {
    pub(crate) fn watch(script: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Self> {
        Command::new("sh")
            .args(["-c", script, "janitor"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to a whole group.
            .process_group(0)
            .spawn()
            .map(Self)
            .map_err(Error::io("run sh"))
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
