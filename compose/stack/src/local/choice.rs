//! Which way the lasting stack has come up: its data are there, so it stays until `reset`.

use std::fs;
use std::path::PathBuf;

use crate::backend::{Backend, forced};
use crate::environment::Kind;
use crate::{Error, Result, checkout};

fn file() -> PathBuf {
    checkout().join(".stack/backend")
}

/// The way the stack came up the last time, if it did and was not reset.
#[must_use]
pub fn recorded() -> Option<Kind> {
    match fs::read_to_string(file()).ok()?.trim() {
        "containers" => Some(Kind::Containers),
        "native" => Some(Kind::Native),
        _ => None,
    }
}

/// The way to go now: what `ONCELOG_STACK` says, or else the last one, or else what is possible.
///
/// # Errors
/// [`Error::Backend`] if another one than the last is asked for: its data would seem lost.
pub fn choose() -> Result<Backend> {
    let Some(last) = recorded() else {
        return Backend::choose();
    };
    match forced() {
        Some(wanted) if wanted != last.to_string() => {
            Err(Error::Backend { wanted, reason: format!("the data are in {last}; `make reset` deletes them") })
        }
        _ => Ok(Backend { kind: last, reason: "as before; its data are there".into() }),
    }
}

/// Remembers the way.
pub fn record(kind: Kind) -> Result<()> {
    let file = file();
    let dir = file.parent().unwrap_or(&file);
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(&file, format!("{kind}\n")))
        .map_err(Error::io(format!("write {}", file.display())))
}

/// Forgets it, with the data.
pub fn forget() {
    // Not there is as good.
    let _ = fs::remove_file(file());
}
