//! The programs that the native stack is made of: found, installed, or named.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::postgres::programs::Source;
use crate::programs::on_path;
use crate::{Error, Result};

/// The script that knows which packages are needed. It is the only place that does.
const PREPARE: &str = include_str!("../../../prepare");

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) java: PathBuf,
    pub(crate) postgres: Source,
}

impl Tools {
    /// Finds the programs. What is missing is installed where that is possible and not forbidden.
    pub(crate) fn find() -> Result<Self> {
        let postgres = Source::from_env()?;
        let java = match look(&postgres) {
            Err(what) => {
                prepare(what)?;
                look(&postgres).map_err(missing)?
            }
            Ok(java) => java,
        };
        Ok(Self { java, postgres })
    }
}

/// Where Java is, if the rest is there, too.
fn look(postgres: &Source) -> std::result::Result<PathBuf, &'static str> {
    let java = on_path("java").ok_or("java (17 or later)")?;
    on_path("mvn").ok_or("mvn (Apache Maven)")?;
    on_path("setpriv").ok_or("setpriv (util-linux; Linux alone has it)")?;
    postgres.is_there().then_some(java).ok_or("a PostgreSQL server (14 or later)")
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
