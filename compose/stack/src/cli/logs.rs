//! `stack logs`

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use stack::{Composed, Kind, Local, choice};

/// How much of each log is shown at first.
const LINES: usize = 15;
/// How far back these are looked for, in bytes.
const BACK: u64 = 64 * 1024;
const PACE: Duration = Duration::from_millis(200);

/// The arguments of `stack logs`.
#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// 1 = go on with what is written from now on; 0 = only the ends.
    #[arg(long, env = "FOLLOW", default_value = "1", value_parser = ["0", "1"])]
    follow: String,
}

impl Logs {
    /// Shows the logs, each line with the name of its daemon.
    pub(crate) fn execute(&self) -> Result<()> {
        if choice::recorded() == Some(Kind::Containers) {
            return Ok(Composed::to_end().logs(self.follow == "1")?);
        }
        let mut logs: Vec<Log> = Local::to_end().logs().into_iter().map(|(name, path)| Log::new(name, path)).collect();
        for log in &mut logs {
            log.show_end()?;
        }
        if self.follow == "0" {
            return Ok(());
        }
        loop {
            sleep(PACE);
            for log in &mut logs {
                log.show_new()?;
            }
        }
    }
}

struct Log {
    name: &'static str,
    path: PathBuf,
    /// How far it has been shown.
    position: u64,
    /// A line that is not finished yet.
    rest: Vec<u8>,
}

impl Log {
    fn new(name: &'static str, path: PathBuf) -> Self {
        Self { name, path, position: 0, rest: Vec::new() }
    }

    fn show_end(&mut self) -> Result<()> {
        let length = self.path.metadata().map_or(0, |meta| meta.len());
        self.position = length.saturating_sub(BACK);
        let lines = self.read_lines()?;
        self.print(&lines[lines.len().saturating_sub(LINES)..])
    }

    fn show_new(&mut self) -> Result<()> {
        let lines = self.read_lines()?;
        self.print(&lines)
    }

    fn read_lines(&mut self) -> Result<Vec<Vec<u8>>> {
        // Not there yet, or set aside: it will be.
        let Ok(mut file) = File::open(&self.path) else {
            return Ok(Vec::new());
        };
        if file.metadata()?.len() < self.position {
            self.position = 0;
        }
        file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = std::mem::take(&mut self.rest);
        self.position += file.read_to_end(&mut bytes)? as u64;
        let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        self.rest = lines.pop().unwrap_or_default();
        Ok(lines)
    }

    fn print(&self, lines: &[Vec<u8>]) -> Result<()> {
        let mut out = io::stdout().lock();
        for line in lines {
            writeln!(out, "{:<8} | {}", self.name, String::from_utf8_lossy(line))?;
        }
        Ok(())
    }
}
