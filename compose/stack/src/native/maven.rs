//! The packages that the native stack is made of, and Maven, which fetches them.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache;
use crate::command::output;
use crate::user::RunAs;
use crate::{Error, Result};

/// The versions. The only place that names them.
const POM: &str = include_str!("../../../native/pom.xml");

/// The broker's jars, for a class path.
pub(crate) fn kafka_jars(user: Option<&RunAs>) -> Result<PathBuf> {
    let version = kafka_version();
    let mut hasher = DefaultHasher::new();
    // Whatever changes there, the jars are resolved anew.
    POM.hash(&mut hasher);
    cache::kept(user, &format!("kafka-{version}-{:016x}", hasher.finish()), |dir| {
        say_fetching("Apache Kafka", version, dir);
        run(dir, &["dependency:copy-dependencies", "-DincludeScope=runtime"])
    })
}

/// Fetches PostgreSQL's package for `platform` and leaves what is in it in `dir`: one archive.
pub(super) fn fetch_postgres(platform: &str, dir: &Path) -> Result<()> {
    say_fetching("PostgreSQL", postgres_version(), dir.parent().unwrap_or(dir));
    let platform = format!("-Dpostgres.platform={platform}");
    run(dir, &["dependency:unpack-dependencies", "-DincludeGroupIds=io.zonky.test.postgres", &platform])
}

/// Runs a goal of the pom that writes into `dir`. Nothing of Maven's own is left, neither there nor in `~/.m2`.
fn run(dir: &Path, goal: &[&str]) -> Result<()> {
    let work = tempfile::tempdir().map_err(Error::io("create a directory for Maven"))?;
    let pom = work.path().join("pom.xml");
    fs::write(&pom, POM).map_err(Error::io(format!("write {}", pom.display())))?;
    let repository = format!("-Dmaven.repo.local={}", work.path().join("repository").display());
    let mut maven = Command::new("mvn");
    maven.arg(repository);
    maven.args(["-q", "-B", "-f"]).arg(&pom).args(goal).arg(format!("-DoutputDirectory={}", dir.display()));
    output(&mut maven).map(drop)
}

fn say_fetching(what: &str, version: &str, dir: &Path) {
    let cache = dir.parent().unwrap_or(dir);
    crate::say!("stack: fetching {what} {version} with Maven into {}", cache.display());
}

pub(crate) fn kafka_version() -> &'static str {
    property("kafka.version")
}

/// The package's version: PostgreSQL's, and a number of the package's own.
pub(crate) fn postgres_version() -> &'static str {
    property("postgres.version")
}

/// What the pom says between `<name>` and the next tag.
fn property(name: &str) -> &'static str {
    POM.split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once('<'))
        .map_or("unknown", |(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_come_from_the_pom() {
        for version in [kafka_version(), postgres_version()] {
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
        }
    }
}
