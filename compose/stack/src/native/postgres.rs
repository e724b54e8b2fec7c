//! PostgreSQL: one cluster with the role and the database `oncelog`.

mod package;
pub(super) mod programs;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::dirs;
use super::options::Options;
use super::tools::Tools;
use crate::command::output;
use crate::service::{Service, ServiceBuilder};
use crate::tail::tail;
use crate::user::RunAs;
use crate::{Error, Result};

/// The role of a native stack's database: a superuser, for it may create databases and break them.
pub(crate) const ROLE: &str = "oncelog";
/// The database that is there from the start.
pub(crate) const DATABASE: &str = "oncelog";

/// A database cluster that is initialised, ready to be started.
pub(crate) struct Server<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) user: Option<&'a RunAs>,
    pub(crate) options: &'a Options,
    pub(crate) port: u16,
    pub(crate) password: &'a str,
}

impl Server<'_> {
    /// Initialises the cluster if it is new, and says how to start it.
    pub(crate) fn prepare(&self, parent: &Path, log: PathBuf) -> Result<ServiceBuilder> {
        let bin = self.tools.postgres.bin(self.user)?;
        let data = dirs::private(parent, "postgres", self.user)?;
        // Made last: an initialisation that was cut short is begun again.
        let whole = data.join("oncelog.ready");
        if whole.exists() {
            check_version(&data, &bin)?;
        } else {
            self.initialise(&bin, parent, &data)?;
            fs::write(&whole, "").map_err(Error::io(format!("write {}", whole.display())))?;
        }
        Ok(Service::builder("postgres", bin.join("postgres"), log)
            .args(["-D".to_owned(), data.display().to_string()])
            .args(self.settings().iter().flat_map(|(k, v)| ["-c".to_owned(), format!("{k}={v}")]))
            .dir(data)
            .user(self.user.cloned()))
    }

    fn settings(&self) -> Vec<(String, String)> {
        let port = self.port.to_string();
        let mut settings: Vec<(String, String)> = [
            ("port", port.as_str()),
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", ""),
            // In the data directory, so that nothing is left in /dev/shm by a kill.
            ("dynamic_shared_memory_type", "mmap"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .to_vec();
        settings.extend(self.options.server_settings());
        settings
    }

    fn initialise(&self, bin: &Path, parent: &Path, data: &Path) -> Result<()> {
        clear(data)?;
        let secret = dirs::private(parent, "secret", self.user)?;
        let file = secret.join("password");
        fs::write(&file, self.password).map_err(Error::io("write the password file"))?;
        if let Some(user) = self.user {
            user.own(&file)?;
        }
        let mut initdb = self.as_user(&bin.join("initdb"), data);
        initdb.args(["-U", ROLE, "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"]);
        initdb.arg(format!("--pwfile={}", file.display())).arg("-D").arg(data);
        let done = output(&mut initdb).map(drop);
        let _ = fs::remove_dir_all(secret);
        done?;
        self.create_database(bin, data)
    }

    /// In single-user mode: no server has to be started for it.
    fn create_database(&self, bin: &Path, data: &Path) -> Result<()> {
        let wrong = || Error::io("create the database in single-user mode");
        let mut command = self.as_user(&bin.join("postgres"), data);
        command.args(["--single", "-D"]).arg(data).args(["-c", "exit_on_error=on", "postgres"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(wrong())?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "CREATE DATABASE {DATABASE}").map_err(wrong())?;
        }
        let done = child.wait_with_output().map_err(wrong())?;
        if done.status.success() {
            return Ok(());
        }
        Err(Error::Command {
            command: "postgres --single".to_owned(),
            status: done.status,
            output: tail(&String::from_utf8_lossy(&done.stderr), 20),
        })
    }

    fn as_user(&self, program: &Path, data: &Path) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(user) = self.user {
            command.args(user.setpriv_args());
        }
        command.arg("--").arg(program).current_dir(data).env("LC_ALL", "C");
        command
    }
}

/// Refuses data of another major version: the server would, too, without a word about a way out.
fn check_version(data: &Path, bin: &Path) -> Result<()> {
    let file = data.join("PG_VERSION");
    let text = fs::read_to_string(&file).map_err(Error::io(format!("read {}", file.display())))?;
    let kept = text.trim();
    match programs::major_version(bin) {
        Some(major) if major.to_string() != kept => {
            Err(Error::OtherPostgres { data: data.display().to_string(), kept: kept.to_owned(), found: major })
        }
        _ => Ok(()),
    }
}

/// Empties a directory: `initdb` takes no other.
fn clear(dir: &Path) -> Result<()> {
    let wrong = || Error::io(format!("empty {}", dir.display()));
    for entry in fs::read_dir(dir).map_err(wrong())? {
        let path = entry.map_err(wrong())?.path();
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.map_err(wrong())?;
    }
    Ok(())
}

/// What of a password a URL holds percent-encoded: everything but letters, digits and `-._~`.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The connection string of a server on this machine.
pub(crate) fn url(port: u16, password: &str) -> String {
    let password = utf8_percent_encode(password, &ENCODED);
    format!("postgres://{ROLE}:{password}@127.0.0.1:{port}/{DATABASE}")
}

/// The same without the password.
pub(crate) fn open_url(port: u16) -> String {
    format!("postgres://{ROLE}@127.0.0.1:{port}/{DATABASE}")
}

/// Gives back the shared memory segment that a killed server has left behind.
///
/// The seventh line of `postmaster.pid` holds its key and id. An orderly end removes the file.
pub(crate) fn release_memory(data: &Path) {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return;
    };
    if let Some(id) = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
        // Already gone is as good.
        let _ = output(Command::new("ipcrm").args(["-m", id]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_percent_encoded() {
        for (password, encoded) in
            [("aZ9-._~", "aZ9-._~"), ("a/b#c%41@:?&= ü", "a%2Fb%23c%2541%40%3A%3F%26%3D%20%C3%BC")]
        {
            assert_eq!(url(5, password), format!("postgres://oncelog:{encoded}@127.0.0.1:5/oncelog"));
        }
    }
}
