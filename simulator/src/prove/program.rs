//! The services, built so that bugs can be planted.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{PLANTED, VARIABLE};

/// A program in which bugs can be planted.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    /// A copy: the next build would put a program without bugs in its place.
    _dir: Option<TempDir>,
}

/// There is no program to prove anything with.
#[derive(Debug, thiserror::Error)]
pub enum NoProgram {
    /// Cargo says why.
    #[error(transparent)]
    Build(#[from] stack::Error),
    /// It can't be copied or run.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It was built without the feature `planted`, or knows other bugs than this simulator.
    #[error("{program} knows other bugs than expected: {said}", program = .program.display())]
    OtherBugs {
        /// The program.
        program: PathBuf,
        /// Its answer to a bug that does not exist.
        said: String,
    },
}

impl Program {
    /// Builds it, which takes minutes the first time.
    pub fn build() -> Result<Self, NoProgram> {
        let built = stack::build_with_planted_bugs()?;
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("oncelog");
        std::fs::copy(built, &path)?;
        Self { path, _dir: Some(dir) }.asked()
    }

    /// One that was built before.
    pub fn at(path: &Path) -> Result<Self, NoProgram> {
        Self { path: path.canonicalize()?, _dir: None }.asked()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A bug that does not exist is answered with the names of all that do.
    fn asked(self) -> Result<Self, NoProgram> {
        let answer = Command::new(&self.path)
            .arg("migrate")
            .args(["--database-url", "postgres://127.0.0.1:1/none", "--wait", "0s"])
            .env(VARIABLE, "which")
            .env("LOG_FORMAT", "text")
            .output()?;
        let said = String::from_utf8_lossy(&[answer.stdout, answer.stderr].concat()).trim().to_owned();
        let names = PLANTED.iter().map(|planted| planted.bug).collect::<Vec<_>>().join(", ");
        if said.ends_with(&format!(": {names}")) {
            Ok(self)
        } else {
            Err(NoProgram::OtherBugs { program: self.path, said })
        }
    }
}
