//! Packages that Maven has fetched: once, and kept.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::user::RunAs;
use crate::{Error, Result, checkout};

/// The directory `name` of the cache, made by `fill` unless it is there.
///
/// Several processes may ask at once: the first fills, the others wait. `fill` is given a directory of
/// another name, which is renamed when it is whole: one that was cut short is begun again.
pub(crate) fn kept(user: Option<&RunAs>, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    kept_in(&root(user, name)?, name, fill)
}

fn kept_in(root: &Path, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let wrong = || Error::io(format!("write into the cache {}", root.display()));
    let whole = root.join(name);
    // Also in a cache that can only be read. It has this name only once it is whole.
    if whole.is_dir() {
        return Ok(whole);
    }
    let lock = File::create(root.join("lock")).map_err(wrong())?;
    lock.lock().map_err(wrong())?;
    if whole.is_dir() {
        return Ok(whole);
    }
    let part = root.join(format!("{name}.part"));
    if part.exists() {
        fs::remove_dir_all(&part).map_err(wrong())?;
    }
    fs::create_dir(&part).map_err(wrong())?;
    fill(&part)?;
    make_readable(&part).and_then(|()| fs::rename(&part, &whole)).map_err(wrong())?;
    Ok(whole)
}

/// The umask may have kept files from the user that broker and database run as.
fn make_readable(path: &Path) -> std::io::Result<()> {
    let meta = path.symlink_metadata()?;
    if meta.is_symlink() {
        return Ok(());
    }
    let mode = meta.permissions().mode();
    // Who may run a file is said by its owner's bit, and everybody may enter a directory.
    let open = if meta.is_dir() || mode & 0o100 != 0 { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(open))?;
    if meta.is_dir() {
        fs::read_dir(path)?.try_for_each(|entry| make_readable(&entry?.path()))?;
    }
    Ok(())
}

/// The first place that holds `name` already, or can be written; `user` must reach it.
fn root(user: Option<&RunAs>, name: &str) -> Result<PathBuf> {
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
        .find(|dir| user.is_none_or(|u| u.reaches(dir)) && (dir.join(name).is_dir() || can_be_written(dir)))
        .ok_or_else(|| Error::Missing {
            what: "a directory for Apache Kafka and PostgreSQL".into(),
            advice: "Set ONCELOG_CACHE to one that the user who runs them can read".into(),
        })
}

fn can_be_written(dir: &Path) -> bool {
    fs::create_dir_all(dir).is_ok() && File::create(dir.join("lock")).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_directory_that_was_cut_short_is_begun_again() {
        let root = tempfile::tempdir().unwrap();
        let cut_short = kept_in(root.path(), "a", |part| {
            fs::write(part.join("half"), "").unwrap();
            Err(Error::Container("killed".into()))
        });
        assert!(cut_short.is_err());
        let whole = kept_in(root.path(), "a", |part| {
            fs::write(part.join("whole"), "").unwrap();
            Ok(())
        });
        let files: Vec<_> = fs::read_dir(whole.unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files, ["whole"]);
        assert!(!root.path().join("a.part").exists());
    }

    #[test]
    fn of_several_that_ask_at_once_one_fills() {
        let root = tempfile::tempdir().unwrap();
        let fills = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let whole = kept_in(root.path(), "a", |part| {
                        fills.fetch_add(1, Ordering::Relaxed);
                        (0..100).for_each(|n| fs::write(part.join(n.to_string()), "").unwrap());
                        Ok(())
                    });
                    assert_eq!(fs::read_dir(whole.unwrap()).unwrap().count(), 100);
                });
            }
        });
        assert_eq!(fills.into_inner(), 1);
    }

    #[test]
    fn what_is_kept_can_be_read_and_run_by_another_user() {
        let root = tempfile::tempdir().unwrap();
        let whole = kept_in(root.path(), "a", |part| {
            fs::create_dir(part.join("bin")).unwrap();
            for (name, mode) in [("bin/program", 0o700), ("text", 0o600), ("bin", 0o700), ("", 0o700)] {
                let file = part.join(name);
                if !file.exists() {
                    fs::write(&file, "").unwrap();
                }
                fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            }
            Ok(())
        });
        let whole = whole.unwrap();
        let mode = |name: &str| whole.join(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(["", "bin", "bin/program", "text"].map(mode), [0o755, 0o755, 0o755, 0o644]);
    }
}
