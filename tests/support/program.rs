//! Servers of others that tests start.

use std::path::{Path, PathBuf};

/// Where a program is: on PATH, or where Debian has servers, which may be missing there.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([Path::new("/usr/sbin").to_owned()]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    found
        .unwrap_or_else(|| panic!("{name} is missing: `compose/prepare tests` installs it, or: apt-get install {name}"))
}
