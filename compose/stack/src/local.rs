//! The stack that stays: what `make up` starts, `make ps` shows and `make down` ends.
//!
//! Four daemons, each with a pid file under `.stack/run` and a log under `.stack/log`. Nothing
//! watches them; every command looks at what is there and brings it to what is wanted.

pub mod choice;
mod composed;
mod daemon;
mod files;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

pub use self::composed::Composed;
pub use self::daemon::Status;
pub use self::settings::Settings;
use crate::native::{Broker, Options, Ports, ROLE, Server, Tools, lasting, open_url};
use crate::probe::Probe;
use crate::service::Service;
use crate::user::RunAs;
use crate::{Error, Result, checkout};
use daemon::{Daemon, Plan};
use files::Files;

/// The daemons in the order of their start. They are stopped the other way round.
const NAMES: [&str; 4] = ["kafka", "postgres", "api", "consumer"];

/// The lasting stack of one checkout.
#[derive(Debug)]
pub struct Local {
    files: Files,
    settings: Settings,
}

impl Local {
    /// The one of the surrounding checkout, with the settings of the environment.
    pub fn of_checkout() -> Result<Self> {
        Ok(Self { settings: Settings::from_env()?, ..Self::to_end() })
    }

    /// The same, to look at what runs or to end it: for that no setting is needed, so none can be wrong.
    #[must_use]
    pub fn to_end() -> Self {
        Self { files: Files::new(checkout().join(".stack")), settings: Settings::default() }
    }

    /// The addresses and settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts what does not run, from the services' binary that `build` provides, and waits until
    /// all of it is ready. What runs as wanted is left alone.
    ///
    /// # Errors
    /// [`Error::PortTaken`] before anything is built; [`Error::Ended`] and [`Error::NotReady`] with
    /// the end of the log. What has come up by then stays: run it again, or `down`.
    pub fn up(&self, build: impl FnOnce() -> Result<PathBuf>) -> Result<()> {
        let _lock = self.files.lock()?;
        self.check_ports()?;
        let tools = Tools::find()?;
        let oncelog = build()?;
        let base = self.base(&tools)?;
        self.together(base)?;
        self.files.write_env(&self.settings, &self.password()?, &[])?;
        self.together(self.services(&oncelog)?.into())
    }

    /// Ends everything, services first. The data stay.
    pub fn down(&self) -> Result<()> {
        let _lock = self.files.lock()?;
        for name in NAMES.iter().rev() {
            if Daemon::new(&self.files, name).stop() {
                crate::say!("stopped {name}");
            }
        }
        self.files.remove_env();
        Ok(())
    }

    /// Ends everything and deletes the data and the logs.
    pub fn reset(&self) -> Result<()> {
        self.down()?;
        self.files.remove_data()
    }

    /// What runs, in the order of the start.
    #[must_use]
    pub fn status(&self) -> Vec<Status> {
        NAMES.iter().map(|name| Daemon::new(&self.files, name).status()).collect()
    }

    /// The logs, each with its name.
    #[must_use]
    pub fn logs(&self) -> Vec<(&'static str, PathBuf)> {
        NAMES.iter().map(|name| (*name, self.files.log(name))).collect()
    }

    /// Fails before the long build if a port belongs to somebody else.
    fn check_ports(&self) -> Result<()> {
        NAMES.iter().try_for_each(|name| Daemon::new(&self.files, name).check_ports(&self.settings.ports_of(name)))
    }

    /// Starts several, then waits for all: they come up side by side.
    fn together(&self, plans: Vec<Plan>) -> Result<()> {
        let started = plans
            .into_iter()
            .map(|plan| Daemon::new(&self.files, plan.service.name()).ensure(plan))
            .collect::<Result<Vec<_>>>()?;
        started.into_iter().try_for_each(daemon::Started::wait_ready)
    }

    fn base(&self, tools: &Tools) -> Result<Vec<Plan>> {
        let user = self.user()?;
        let user = user.as_ref();
        let data = lasting(self.files.root(), user)?;
        let password = self.password()?;
        let options = Options { heap_mib: 512, brief: false, ..Options::default() };
        let Settings { kafka, controller, postgres, .. } = self.settings;
        let ports = Ports { direct: kafka, controller, proxied: None };
        let broker = Broker { tools, user, options: &options, ports };
        let server = Server { tools, user, options: &options, port: postgres, password: &password };
        Ok(vec![
            Plan {
                service: broker.prepare(&data, self.files.log("kafka"))?,
                port: kafka,
                probe: Probe::Kafka { port: kafka },
                farewell: Signal::TERM,
            },
            Plan {
                service: server.prepare(&data, self.files.log("postgres"))?,
                port: postgres,
                probe: Probe::Postgres { port: postgres, user: ROLE.into() },
                // SIGTERM would wait for the clients to leave.
                farewell: Signal::INT,
            },
        ])
    }

    fn services(&self, oncelog: &Path) -> Result<[Plan; 2]> {
        let (database, password) = (open_url(self.settings.postgres), self.password()?);
        let plan = |name: &'static str, port| {
            let service = Service::builder(name, oncelog, self.files.log(name))
                .arg(name)
                .envs(self.settings.for_services(&database, &password));
            Plan { service, port, probe: Probe::Http { port, path: "/readyz" }, farewell: Signal::TERM }
        };
        Ok([plan("api", self.settings.api), plan("consumer", self.settings.consumer)])
    }

    /// Kept with the data that it opens.
    fn password(&self) -> Result<String> {
        files::password_in(&lasting(self.files.root(), self.user()?.as_ref())?)
    }

    fn user(&self) -> Result<Option<RunAs>> {
        RunAs::choose_for(&self.files.root().join("data/postgres"))
    }
}

/// Builds the services' binary in release, with the progress shown, and returns its path.
///
/// `ONCELOG_BINARY` names one that is there already.
pub fn build_oncelog() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("ONCELOG_BINARY").filter(|b| !b.is_empty()) {
        return fs::canonicalize(&binary).map_err(Error::io("find ONCELOG_BINARY"));
    }
    crate::say!("building oncelog (release; the first time takes minutes)");
    build(&["--release", "--no-default-features"])
}

/// Builds the services so that bugs can be planted in them: a debug build with the feature `planted`.
/// The next build without it takes its place.
pub fn build_with_planted_bugs() -> Result<PathBuf> {
    build(&["--features", "planted"])
}

fn build(options: &[&str]) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--bin", "oncelog", "--message-format=json-render-diagnostics"])
        .args(options)
        .current_dir(checkout());
    let done = cargo.stderr(std::process::Stdio::inherit()).output().map_err(Error::io("run cargo"))?;
    let messages = String::from_utf8_lossy(&done.stdout);
    executable(&messages).filter(|_| done.status.success()).ok_or_else(|| Error::Command {
        command: format!("cargo build --bin oncelog {}", options.join(" ")),
        status: done.status,
        output: "see above".into(),
    })
}

/// Cargo's messages are JSON, one per line; the one about the binary names the file.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "oncelog")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}
