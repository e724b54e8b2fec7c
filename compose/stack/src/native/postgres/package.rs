//! PostgreSQL's server as a Maven package: an xz-compressed tar archive in a jar.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use lzma_rust2::XzReader;
use tar::Archive;

use crate::native::{cache, maven};
use crate::user::RunAs;
use crate::{Error, Result};

/// The directory with the package's programs, fetched and unpacked unless it is there.
pub(super) fn bin(user: Option<&RunAs>) -> Result<PathBuf> {
    let platform = platform(OS, ARCH).ok_or_else(|| Error::Missing {
        what: format!("a package of PostgreSQL for {OS} on {ARCH}"),
        advice: "Install a PostgreSQL server (14 or later) and set ONCELOG_POSTGRES=system".into(),
    })?;
    let name = format!("postgres-{}-{platform}", maven::postgres_version());
    let home = cache::kept(user, &name, |dir| {
        let package = dir.join("package");
        maven::fetch_postgres(platform, &package)?;
        unpack(&package, dir).and_then(|()| fs::remove_dir_all(&package)).map_err(Error::io("unpack PostgreSQL"))
    })?;
    Ok(home.join("bin"))
}

/// What the package for this machine is called by, if there is one. Those that are fetched are built
/// against glibc.
fn platform(os: &str, arch: &str) -> Option<&'static str> {
    match (os, arch) {
        _ if cfg!(target_env = "musl") => None,
        ("linux", "x86_64") => Some("linux-amd64"),
        ("linux", "aarch64") => Some("linux-arm64v8"),
        ("macos", "x86_64") => Some("darwin-amd64"),
        ("macos", "aarch64") => Some("darwin-arm64v8"),
        _ => None,
    }
}

fn unpack(package: &Path, into: &Path) -> io::Result<()> {
    let archive = fs::read_dir(package)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "txz"))
        .ok_or_else(|| io::Error::other("its package holds no .txz file"))?;
    let compressed = BufReader::new(File::open(archive)?);
    Archive::new(XzReader::new(compressed, true)).unpack(into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_has_the_name_that_maven_knows() {
        assert_eq!(platform("linux", "x86_64"), Some("linux-amd64"));
        assert_eq!(platform("linux", "aarch64"), Some("linux-arm64v8"));
        assert_eq!(platform("macos", "aarch64"), Some("darwin-arm64v8"));
        assert_eq!(platform("linux", "riscv64"), None);
    }
}
