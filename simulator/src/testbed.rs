//! A stack of one's own, to be broken.
//!
//! - [`Testbed`]: one broker and one database per process, with a proxy before the broker.
//!   Shared by all runs, mended between them, gone with the process however it ends.
//! - [`Environment`]: one run's topic, database, processes and proxies.
//! - [`Topic`], [`Database`]: a hand on the log and in the database, past the services.

mod attackers;
mod beside;
mod damage;
mod database;
mod deadline;
mod environment;
mod error;
mod flipped;
mod ground_truth;
mod injection;
mod processes;
mod topic;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use stack::{Backend, Options, Own};
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::proxy::{Protocol, Proxy};

pub use database::Database;
pub use environment::Environment;
pub use error::TestbedError;
pub use topic::Topic;

/// A broker and a database that may be broken.
#[derive(Debug)]
pub struct Testbed {
    own: Own,
    /// Where clients reach the broker.
    broker: Proxy,
    database: SocketAddr,
    oncelog: PathBuf,
    logs: Logs,
}

/// Where the processes' logs are.
#[derive(Debug)]
enum Logs {
    Brief(TempDir),
    Kept(PathBuf),
}

impl Testbed {
    /// Starts broker and database, which takes 5 to 15 s. `oncelog` is the program
    /// under test; with `logs`, what the processes print stays there.
    ///
    /// Needs a runtime of several threads, as everything here does.
    pub async fn start(oncelog: PathBuf, logs: Option<PathBuf>) -> Result<Self, TestbedError> {
        let logs = match logs {
            Some(dir) => Logs::Kept(dir),
            None => Logs::Brief(tempfile::tempdir()?),
        };
        let own = block_in_place(|| Own::start(Backend::choose()?.kind, &Options::default()))?;
        let addresses = own.addresses();
        let proxied = addresses.proxied.ok_or(TestbedError::Needs("a broker with a second listener"))?;
        let listener = SocketAddr::from((Ipv4Addr::LOCALHOST, proxied.listener));
        let broker = Proxy::start(proxied.advertised, listener, Protocol::Kafka).await?;
        let database = PgConnectOptions::from_str(&addresses.database_url)?;
        let database = SocketAddr::from((Ipv4Addr::LOCALHOST, database.get_port()));
        Ok(Self { own, broker, database, oncelog, logs })
    }

    fn logs(&self) -> &Path {
        match &self.logs {
            Logs::Brief(dir) => dir.path(),
            Logs::Kept(dir) => dir,
        }
    }

    /// Everything answers again, whatever was done to it.
    fn mend(&self) -> Result<(), TestbedError> {
        self.broker.mend();
        for part in [self.own.kafka(), self.own.postgres()] {
            part.resume();
            start(part)?;
        }
        Ok(())
    }
}

fn start(part: &stack::Part) -> Result<(), TestbedError> {
    Ok(block_in_place(|| part.start())?)
}
