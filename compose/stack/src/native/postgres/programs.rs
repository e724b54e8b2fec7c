//! Where the server's programs come from: the package that the pom names, or this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::package;
use crate::command::output;
use crate::programs::on_path;
use crate::user::RunAs;
use crate::{Error, Result};

/// The oldest PostgreSQL that is supported.
const OLDEST: u32 = 14;
const SETTING: &str = "ONCELOG_POSTGRES";

/// Which PostgreSQL is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The one that the pom names, from Maven.
    Package,
    /// The newest one that is installed here.
    System,
    /// The one in this directory.
    Directory(PathBuf),
}

impl Source {
    /// What `ONCELOG_POSTGRES` says.
    pub(crate) fn from_env() -> Result<Self> {
        Self::parse(&env::var(SETTING).unwrap_or_default())
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "" => Ok(Self::Package),
            "system" => Ok(Self::System),
            dir if Path::new(dir).is_absolute() && is_servers(Path::new(dir)) => Ok(Self::Directory(dir.into())),
            _ => Err(Error::Setting {
                name: SETTING,
                value: text.to_owned(),
                rule: "it must be system (the newest PostgreSQL of this machine) or the absolute path of a directory \
                       with initdb and postgres. Leave it out, and Maven fetches PostgreSQL",
            }),
        }
    }

    /// Whether the programs are there or can be fetched.
    pub(crate) fn is_there(&self) -> bool {
        *self != Self::System || newest(installed()).is_some()
    }

    /// The programs' directory. The package is fetched if need be.
    pub(super) fn bin(&self, user: Option<&RunAs>) -> Result<PathBuf> {
        match self {
            Self::Package => package::bin(user),
            Self::Directory(bin) => Ok(bin.clone()),
            Self::System => newest(installed()).ok_or_else(|| Error::Missing {
                what: "a PostgreSQL server (14 or later)".into(),
                advice: "Install what `compose/prepare` names, or leave ONCELOG_POSTGRES out".into(),
            }),
        }
    }
}

/// The directories that may hold a server: those of PATH and `pg_config`, and where Debian keeps them.
fn installed() -> impl Iterator<Item = PathBuf> {
    let from_path = on_path("postgres").and_then(|file| file.parent().map(Path::to_owned));
    let from_config = output(Command::new("pg_config").arg("--bindir")).ok().map(|text| PathBuf::from(text.trim()));
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    from_path.into_iter().chain(from_config).chain(debian.map(|entry| entry.path().join("bin")))
}

fn newest(places: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    places
        .filter(|bin| is_servers(bin))
        .filter_map(|bin| Some((major_version(&bin)?, bin)))
        .filter(|(version, _)| *version >= OLDEST)
        .max()
        .map(|(_, bin)| bin)
}

fn is_servers(bin: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| bin.join(name).is_file())
}

/// The version of the server in `bin`, by its first number.
pub(super) fn major_version(bin: &Path) -> Option<u32> {
    parse_version(&output(Command::new(bin.join("postgres")).arg("--version")).ok()?)
}

/// `postgres (PostgreSQL) 15.20 (Debian …)` is 15.
fn parse_version(text: &str) -> Option<u32> {
    let (_, number) = text.split_once("(PostgreSQL) ")?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A directory with programs that say this version.
    fn server(root: &Path, version: &str) -> PathBuf {
        let bin = root.join(version);
        fs::create_dir(&bin).unwrap();
        for name in ["initdb", "postgres"] {
            let program = bin.join(name);
            fs::write(&program, format!("#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    #[test]
    fn the_newest_that_is_supported_is_taken_from_the_machine() {
        let root = tempfile::tempdir().unwrap();
        let all = ["15.20 (Debian 15.20-0+deb12u1)", "16.1", "9.6", "13.5"].map(|version| server(root.path(), version));
        fs::create_dir(root.path().join("99")).unwrap();
        let places = || all.clone().into_iter().chain([root.path().join("99")]);
        assert_eq!(newest(places()), Some(all[1].clone()));
        assert_eq!(newest(places().skip(2)), None);
    }

    #[test]
    fn a_directory_is_taken_if_it_holds_a_server() {
        let root = tempfile::tempdir().unwrap();
        let bin = server(root.path(), "18.6");
        assert_eq!(Source::parse(&bin.display().to_string()).unwrap(), Source::Directory(bin));
        assert_eq!(Source::parse("").unwrap(), Source::Package);
        assert_eq!(Source::parse("system").unwrap(), Source::System);
    }

    #[test]
    fn another_value_is_refused_and_the_error_says_what_is_allowed() {
        let root = tempfile::tempdir().unwrap();
        for wrong in ["System", "18", "bin", &root.path().display().to_string()] {
            let error = Source::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("ONCELOG_POSTGRES={wrong}: it must be system (")), "{error}");
        }
    }

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("mysqld 8"), None);
    }
}
