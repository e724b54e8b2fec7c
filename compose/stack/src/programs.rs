//! The programs on PATH.

use std::env;
use std::path::PathBuf;

/// Whether the program `name` is on PATH.
#[must_use]
pub fn has(name: &str) -> bool {
    on_path(name).is_some()
}

/// The program `name` on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}
