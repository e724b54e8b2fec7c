//! The folder `.stack`: what is in it, and what others may rely on.
//!
//! ```text
//! env            ONCELOG_URL, KAFKA_BROKERS, DATABASE_URL, KAFKA_TOPIC for a shell, while it runs;
//!                in containers also what `docker compose` needs to know
//! run/NAME.pid   the pid of a daemon, while it runs; run/NAME.json what it was started as
//! log/NAME.log   its log
//! data           the data, or a link to them
//! backend        native or containers: where the data are
//! password       of the database in containers, kept by `up`; the native one's is with its data
//! ```

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::native::{password, url};
use crate::{Error, Result};

/// A log that has grown beyond this many bytes is set aside at the next start.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.root.join("log").join(name).with_extension("log")
    }

    pub(super) fn pid(&self, name: &str) -> PathBuf {
        self.root.join("run").join(name).with_extension("pid")
    }

    pub(super) fn state(&self, name: &str) -> PathBuf {
        self.root.join("run").join(name).with_extension("json")
    }

    /// Held while a command changes something, so that two of them do not meet.
    pub(super) fn lock(&self) -> Result<File> {
        fs::create_dir_all(self.root.join("run")).map_err(Error::io(format!("create {}", self.root.display())))?;
        lock(&self.root.join("run/lock"))
    }

    /// Keeps one older log, so that years of `make up` do not fill the disk.
    pub(super) fn rotate(&self, name: &str) {
        let log = self.log(name);
        if log.metadata().is_ok_and(|meta| meta.len() > LOG_LIMIT) {
            // A log that can't be set aside goes on growing: no reason not to start.
            let _ = fs::rename(&log, log.with_extension("log.old"));
        }
    }

    pub(super) fn write_env(&self, settings: &Settings, password: &str, more: &[(&str, String)]) -> Result<()> {
        let usual = [
            ("ONCELOG_URL", settings.url()),
            ("KAFKA_BROKERS", settings.brokers()),
            ("DATABASE_URL", url(settings.postgres, password)),
            ("KAFKA_TOPIC", settings.topic.clone()),
        ];
        let lines = usual.iter().chain(more).map(|(name, value)| format!("export {name}={}\n", quoted(value)));
        write_private(&self.root.join("env"), &lines.collect::<String>())
    }

    pub(super) fn remove_env(&self) {
        // Not there is as good.
        let _ = fs::remove_file(self.root.join("env"));
    }

    /// Of the database in containers.
    pub(super) fn remove_password(&self) -> Result<()> {
        remove(&self.root.join("password"))
    }

    pub(super) fn remove_data(&self) -> Result<()> {
        let data = self.root.join("data");
        let outside = fs::read_link(&data).ok();
        let parent = outside.as_deref().and_then(Path::parent).map(Path::to_owned);
        for dir in outside.into_iter().chain(["data", "log", "run", "password"].map(|n| self.root.join(n))) {
            remove(&dir)?;
        }
        // Other checkouts may have data there; then it stays.
        parent.into_iter().for_each(|parent| drop(fs::remove_dir(parent)));
        Ok(())
    }
}

/// One word of a shell, whatever it holds.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// The database's password: given by `POSTGRES_PASSWORD` or made with the data, and kept beside them.
pub(super) fn password_in(data: &Path) -> Result<String> {
    keep(data, given_password()?)
}

fn keep(data: &Path, given: Option<String>) -> Result<String> {
    if let Some(kept) = kept_password(data) {
        return match given {
            Some(given) if given != kept => Err(Error::io("use POSTGRES_PASSWORD")(io::Error::other(
                "the data were made with another password; unset it, or delete them by `make reset`",
            ))),
            _ => Ok(kept),
        };
    }
    let fresh = given.map_or_else(password, Ok)?;
    write_private(&data.join("password"), &fresh)?;
    Ok(fresh)
}

/// The one that was kept; nothing is written.
pub(super) fn kept_password(data: &Path) -> Option<String> {
    fs::read_to_string(data.join("password")).ok()
}

/// `POSTGRES_PASSWORD`. PostgreSQL reads it as the first line of a file.
pub(super) fn given_password() -> Result<Option<String>> {
    let given = env::var("POSTGRES_PASSWORD").ok().filter(|password| !password.is_empty());
    match given {
        Some(password) if password.contains(['\n', '\r']) => {
            Err(Error::io("use POSTGRES_PASSWORD")(io::Error::other("it may have one line only")))
        }
        given => Ok(given),
    }
}

/// Removes a directory, or a link to one. Not there is as good.
fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(Error::io(format!("remove {}", path.display())))
}

/// Writes a file that only its owner reads.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::io(format!("write {}", path.display())))
}

/// Takes the lock by which commands on one checkout wait for each other.
fn lock(path: &Path) -> Result<File> {
    let wrong = || Error::io(format!("lock {}", path.display()));
    let file = File::create(path).map_err(wrong())?;
    file.lock().map_err(wrong())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_password_is_kept_and_another_refused() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(kept_password(data.path()), None);
        for given in [Some("first".to_owned()), None, Some("first".to_owned())] {
            assert_eq!(keep(data.path(), given).unwrap(), "first");
        }
        let refused = keep(data.path(), Some("second".into())).unwrap_err().to_string();
        assert!(refused.contains("POSTGRES_PASSWORD") && refused.contains("make reset"), "{refused}");
        assert_eq!(kept_password(data.path()).as_deref(), Some("first"));
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for value in ["a/b#c%41@:?&= ü", "it's", "$HOME `id` \\ \"x\" ''"] {
            let script = format!("printf %s {}", quoted(value));
            let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&said.stdout), value);
        }
    }
}
