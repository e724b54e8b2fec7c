//! The programs that the native stack is made of: found, installed, or named.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::output;
use crate::{Error, Result};

/// The script that knows which packages are needed. It is the only place that does.
const PREPARE: &str = include_str!("../../../prepare");
/// The oldest PostgreSQL that is supported.
const OLDEST_POSTGRES: u32 = 14;

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) java: PathBuf,
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
}

impl Tools {
    /// Finds the programs. What is missing is installed where that is possible and not forbidden.
    pub(crate) fn find() -> Result<Self> {
        let Err(what) = Self::look() else {
            return Self::look().map_err(missing);
        };
        prepare(&what)?;
        Self::look().map_err(missing)
    }

    fn look() -> std::result::Result<Self, String> {
        let java = on_path("java").ok_or("java (17 or later)")?;
        on_path("mvn").ok_or("mvn (Apache Maven)")?;
        on_path("setpriv").ok_or("setpriv (util-linux)")?;
        let bin = newest_postgres().ok_or("a PostgreSQL server (14 or later)")?;
        Ok(Self { java, initdb: bin.join("initdb"), postgres: bin.join("postgres") })
    }
}

fn missing(what: impl Into<String>) -> Error {
    Error::Missing { what: what.into(), advice: "Install what `compose/prepare` names.".into() }
}

/// Runs the preparing script; it says what it installs, or why it can't.
fn prepare(what: &str) -> Result<()> {
    let done = Command::new("sh")
        .args(["-c", PREPARE, "prepare", "native"])
        .stdin(Stdio::null())
        .stdout(Stdio::inherit())
        .output()
        .map_err(Error::io("run sh"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    if done.status.success() {
        return Ok(());
    }
    Err(Error::Missing { what: what.to_owned(), advice: said.trim().to_owned() })
}

/// The program `name` on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// The directory with the newest server: from PATH, `pg_config`, or where Debian keeps them.
fn newest_postgres() -> Option<PathBuf> {
    let from_path = on_path("postgres").and_then(|file| file.parent().map(Path::to_owned));
    let from_config = output(Command::new("pg_config").arg("--bindir")).ok().map(|text| PathBuf::from(text.trim()));
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    from_path
        .into_iter()
        .chain(from_config)
        .chain(debian.map(|entry| entry.path().join("bin")))
        .filter(|bin| bin.join("initdb").is_file())
        .filter_map(|bin| Some((version(&bin)?, bin)))
        .filter(|(version, _)| *version >= OLDEST_POSTGRES)
        .max()
        .map(|(_, bin)| bin)
}

fn version(bin: &Path) -> Option<u32> {
    parse_version(&output(Command::new(bin.join("postgres")).arg("--version")).ok()?)
}

/// `postgres (PostgreSQL) 15.20 (Debian …)` is 15.
fn parse_version(text: &str) -> Option<u32> {
    let (_, number) = text.split_once("(PostgreSQL) ")?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("mysqld 8"), None);
    }
}
