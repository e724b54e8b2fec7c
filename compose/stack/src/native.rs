//! The native backend: Apache Kafka and PostgreSQL as plain processes on loopback ports.

mod cache;
mod dirs;
mod kafka;
mod maven;
mod options;
mod postgres;
mod tools;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

pub(crate) use self::dirs::lasting;
#[cfg(feature = "testcontainers")]
pub(crate) use self::kafka::ONE_NODE;
pub use self::kafka::Proxied;
pub(crate) use self::kafka::{Broker, Ports};
#[cfg(test)]
pub(crate) use self::maven::{kafka_version, postgres_version};
pub use self::options::Options;
#[cfg(test)]
pub(crate) use self::options::POSTGRES;
#[cfg(feature = "testcontainers")]
pub(crate) use self::postgres::DATABASE;
pub(crate) use self::postgres::{ROLE, Server, open_url, url};
pub(crate) use self::tools::Tools;
use crate::janitor::Janitor;
use crate::part::Part;
use crate::part::process::Process;
use crate::probe::Probe;
use crate::user::RunAs;
use crate::{Error, Result, free_port};

/// How often new ports are tried when a start fails: another process may take one in between.
pub(crate) const ATTEMPTS: usize = 3;
/// Removes the directory of a stack, and what may still run in it.
const CLEAN_UP: &str = include_str!("native/janitor.sh");

/// A broker and a database of one's own, fresh, gone when dropped: no process, no port, no file.
///
/// Should this process be killed, the kernel kills both, and a janitor removes the data.
#[derive(Debug)]
pub struct Native {
    // In the order of their end: the processes before their data, the janitor last.
    kafka: Part,
    postgres: Part,
    ports: Ports,
    postgres_port: u16,
    password: String,
    dir: TempDir,
    _janitor: Janitor,
}

impl Native {
    /// Starts both and waits until they answer. Takes 5 to 15 s, the first time longer: both are
    /// fetched, and what is missing on the machine is installed or named.
    ///
    /// Blocks: from async code, call it by `spawn_blocking`.
    pub fn start(options: &Options) -> Result<Self> {
        let tools = Tools::find()?;
        let user = RunAs::choose()?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match Self::attempt(&tools, user.as_ref(), options) {
                Err(error) if error.says_port_is_held() => last = Some(error),
                done => return done,
            }
        }
        Err(last.unwrap_or(Error::Container("no attempt was made".into())))
    }

    fn attempt(tools: &Tools, user: Option<&RunAs>, options: &Options) -> Result<Self> {
        let dir = dirs::temporary(user)?;
        let janitor = Janitor::watch(CLEAN_UP, [dir.path()])?;
        let proxied = Proxied { listener: free_port()?, advertised: options.proxied_port.map_or_else(free_port, Ok)? };
        let ports = Ports { direct: free_port()?, controller: free_port()?, proxied: Some(proxied) };
        let postgres_port = free_port()?;
        let password = password()?;
        let broker = Broker { tools, user, options, ports };
        let server = Server { tools, user, options, port: postgres_port, password: &password };
        let log = |name: &str| dir.path().join(name).with_extension("log");
        // Side by side: both spend most of their time in programs of their own.
        let (kafka, postgres) = std::thread::scope(|scope| {
            let other = scope.spawn(|| server.prepare(dir.path(), log("postgres")));
            let kafka = broker.prepare(dir.path(), log("kafka"));
            (kafka, other.join().unwrap_or_else(|_| Err(Error::Container("a thread panicked".into()))))
        });
        let kafka = Part::new(Process::new(kafka?, Signal::TERM), Probe::Kafka { port: ports.direct });
        let probe = Probe::Postgres { port: postgres_port, user: ROLE.into() };
        let postgres = Part::new(Process::new(postgres?, Signal::INT), probe);
        let stack = Self { kafka, postgres, ports, postgres_port, password, dir, _janitor: janitor };
        stack.postgres.spawn()?;
        stack.kafka.spawn()?;
        stack.kafka.wait_ready()?;
        stack.postgres.wait_ready()?;
        Ok(stack)
    }

    /// The broker's direct address, as a bootstrap list.
    #[must_use]
    pub fn kafka_brokers(&self) -> String {
        format!("127.0.0.1:{}", self.ports.direct)
    }

    /// The broker's second listener, for a fault proxy.
    #[must_use]
    pub fn proxied(&self) -> Option<Proxied> {
        self.ports.proxied
    }

    /// The database `oncelog`, as a role that may do everything, creating databases included.
    #[must_use]
    pub fn database_url(&self) -> String {
        postgres::url(self.postgres_port, &self.password)
    }

    /// The broker, to be broken and mended.
    #[must_use]
    pub fn kafka(&self) -> &Part {
        &self.kafka
    }

    /// The database, to be broken and mended.
    #[must_use]
    pub fn postgres(&self) -> &Part {
        &self.postgres
    }

    /// The directory with data and logs; removed with the stack. Logs of services may go there.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The port of the database.
    #[must_use]
    pub fn postgres_port(&self) -> u16 {
        self.postgres_port
    }

    /// The broker's data directory: one directory per partition.
    #[must_use]
    pub fn kafka_data(&self) -> PathBuf {
        self.dir.path().join("kafka/data")
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        self.kafka.kill();
        self.postgres.discard();
        postgres::release_memory(&self.dir.path().join("postgres"));
    }
}

/// Random bytes from the system.
pub(crate) fn random_bytes(count: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(Error::io("read /dev/urandom"))?;
    Ok(bytes)
}

/// A random password.
pub(crate) fn password() -> Result<String> {
    use std::fmt::Write as _;
    let bytes = random_bytes(16)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
