//! The broker's jars: resolved once by Maven, and kept.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::user::RunAs;
use crate::command::output;
use crate::{Error, Result, checkout};

/// The versions. The only place that names them.
const POM: &str = include_str!("../../../kafka/pom.xml");

/// The directory with the jars of the broker, resolved if need be.
///
/// Several processes may ask at once: the first resolves, the others wait.
pub(crate) fn jars(user: Option<&RunAs>) -> Result<PathBuf> {
    let home = cache(user)?.join(format!("kafka-{}", version()));
    let libs = home.join("libs");
    fs::create_dir_all(&home).map_err(Error::io(format!("create {}", home.display())))?;
    let lock = File::create(home.join("lock")).map_err(Error::io("create a lock file"))?;
    lock.lock().map_err(Error::io("lock the cache of jars"))?;
    // Written last: it says that the resolution was whole, and by which pom.xml.
    let resolved = home.join("resolved.xml");
    if fs::read_to_string(&resolved).is_ok_and(|pom| pom == POM) {
        return Ok(libs);
    }
    resolve(&home, &libs)?;
    fs::write(&resolved, POM).map_err(Error::io("write into the cache of jars"))?;
    Ok(libs)
}

fn resolve(home: &Path, libs: &Path) -> Result<()> {
    crate::say!("stack: fetching Apache Kafka {} with Maven into {}", version(), home.display());
    let _ = fs::remove_dir_all(libs);
    let pom = home.join("pom.xml");
    fs::write(&pom, POM).map_err(Error::io(format!("write {}", pom.display())))?;
    output(
        Command::new("mvn")
            .args(["-q", "-B", "-f"])
            .arg(&pom)
            .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(format!("-DoutputDirectory={}", libs.display())),
    )?;
    make_readable(libs)
}

/// The umask may have kept the jars from the user that the broker runs as.
fn make_readable(libs: &Path) -> Result<()> {
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(Error::io(format!("make {} readable", path.display())))
    };
    open(libs, 0o755)?;
    for jar in fs::read_dir(libs).map_err(Error::io("list the jars"))?.flatten() {
        open(&jar.path(), 0o644)?;
    }
    Ok(())
}

/// The first place for a cache that can be written here and reached by `user`.
fn cache(user: Option<&RunAs>) -> Result<PathBuf> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home);
    let candidates = [
        env::var_os("ONCELOG_CACHE").map(PathBuf::from),
        xdg.map(|dir| dir.join("oncelog")),
        user.map(|_| PathBuf::from("/var/cache/oncelog")),
        Some(checkout().join(".stack/cache")),
    ];
    candidates
        .into_iter()
        .flatten()
        .filter(|dir| dir.is_absolute())
        .find(|dir| user.is_none_or(|u| u.reaches(dir)) && fs::create_dir_all(dir).is_ok())
        .ok_or_else(|| Error::Missing {
            what: "a directory for Apache Kafka's jars".into(),
            advice: "Set ONCELOG_CACHE to one that the user who runs the broker can read".into(),
        })
}

/// The broker's version, from the pom.
pub(crate) fn version() -> &'static str {
    POM.split_once("<kafka.version>")
        .and_then(|(_, rest)| rest.split_once('<'))
        .map_or("unknown", |(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_comes_from_the_pom() {
        assert!(version().starts_with(|c: char| c.is_ascii_digit()), "{}", version());
    }
}
