//! A shell that waits for the end of this process and removes what it could not remove itself.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::{Error, Result};

const SCRIPT: &str = include_str!("janitor.sh");

/// Watches over the directory of a temporary stack. Dropped, it ends at once, since then its
/// directory is to be gone already, or it removes it.
#[derive(Debug)]
pub(crate) struct Janitor(Child);

impl Janitor {
    pub(crate) fn watch(dir: &Path) -> Result<Self> {
        Command::new("sh")
            .args(["-c", SCRIPT, "janitor"])
            .arg(dir)
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
