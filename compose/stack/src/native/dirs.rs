//! Where broker and database keep their data, so that the user they run as can reach it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::user::RunAs;
use crate::{Error, Result};

/// A fresh directory that is removed when dropped.
///
/// `TMPDIR` is used if the user reaches it: root's own may be private.
pub(crate) fn temporary(user: Option<&RunAs>) -> Result<TempDir> {
    let usual = std::env::temp_dir();
    let reachable = user.is_none_or(|user| user.reaches(&usual));
    let parent = if reachable { usual } else { PathBuf::from("/tmp") };
    let dir = tempfile::Builder::new()
        .prefix("oncelog-stack-")
        .tempdir_in(&parent)
        .map_err(Error::io(format!("create a directory in {}", parent.display())))?;
    passable(dir.path())?;
    Ok(dir)
}

/// `<stack>/data`, or a link of that name to a place under `/var/lib` where the user can't reach
/// the checkout (root's home is usually closed).
pub(crate) fn lasting(stack: &Path, user: Option<&RunAs>) -> Result<PathBuf> {
    let data = stack.join("data");
    let made = |dir: &Path| fs::create_dir_all(dir).map_err(Error::io(format!("create {}", dir.display())));
    made(stack)?;
    if let Ok(target) = fs::read_link(&data) {
        made(&target)?;
        return Ok(target);
    }
    if user.is_none_or(|user| user.reaches(&data)) {
        made(&data)?;
        passable(&data)?;
        return Ok(data);
    }
    let outside = Path::new("/var/lib/oncelog").join(name_of(stack));
    made(&outside)?;
    passable(&outside)?;
    symlink(&outside, &data).map_err(Error::io(format!("link {}", data.display())))?;
    Ok(outside)
}

/// A private directory of the user's own inside `parent`.
pub(crate) fn private(parent: &Path, name: &str, user: Option<&RunAs>) -> Result<PathBuf> {
    let dir = parent.join(name);
    fs::create_dir_all(&dir).map_err(Error::io(format!("create {}", dir.display())))?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))
        .map_err(Error::io(format!("close {}", dir.display())))?;
    if let Some(user) = user {
        user.own(&dir)?;
    }
    Ok(dir)
}

fn passable(dir: &Path) -> Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).map_err(Error::io(format!("open {}", dir.display())))
}

/// One name per checkout: its path with the separators replaced, and a number, for `/a/b` is not `/a-b`.
fn name_of(stack: &Path) -> String {
    let path = stack.canonicalize().unwrap_or_else(|_| stack.to_owned());
    let parent = path.parent().unwrap_or(&path);
    let mut hasher = DefaultHasher::new();
    parent.hash(&mut hasher);
    let readable = parent.to_string_lossy().trim_matches('/').replace('/', "-");
    format!("{readable}-{:08x}", hasher.finish() as u32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_checkouts_never_share_a_folder() {
        let names = ["/srv/a/b/.stack", "/srv/a-b/.stack"].map(|stack| name_of(Path::new(stack)));
        assert_ne!(names[0], names[1]);
        assert!(names.iter().all(|name| name.starts_with("srv-a-b-")), "{names:?}");
    }

    #[test]
    fn a_temporary_directory_can_be_passed_and_vanishes() {
        let dir = temporary(None).unwrap();
        let path = dir.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
        drop(dir);
        assert!(!path.exists());
    }
}
