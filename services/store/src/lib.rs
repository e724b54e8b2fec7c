//! PostgreSQL: the only crate that names sqlx.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`append`] | **the one transaction**, and the exactly-once argument |
//! | [`batch`] | what a transaction is asked to store: records in log order, and how to split them |
//! | [`settle`] | which records of a batch need the database at all (pure) |
//! | [`recent`] | the keys this writer saw committed |
//! | [`writer`] | one dedicated connection, with deadlines on every wait |
//! | [`logs`] | lives of the Kafka topic |
//! | [`progress`] | how far each partition has been stored |
//! | [`verdicts`] | what became of a record |
//! | [`events`] | stored events, one or in pages |
//! | [`counts`] | the counters behind `/stats` and `/topics` |
//! | [`error`] | what each failure allows the caller to do |

pub mod append;
pub mod batch;
pub mod counts;
pub mod error;
pub mod events;
pub mod logs;
mod migrate;
pub mod progress;
pub mod recent;
pub mod settle;
pub mod verdicts;
pub mod writer;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use append::{AppendError, Appended, Found};
pub use batch::{Batch, DeadLetter, Entry, Raw, Slice, What};
pub use error::StoreError;
pub use logs::{Log, LogId, LogIdentity, PartitionBy};
pub use progress::Progress;
pub use settle::Outcome;
pub use writer::{Session, Writer};

/// How to reach the database.
#[derive(Clone)]
pub struct Config {
    /// `DATABASE_URL`: `postgres://user:password@host:port/database`.
    pub url: String,
    /// `DATABASE_PASSWORD`: wins over the one in the URL.
    pub password: Option<String>,
    /// `DATABASE_POOL_SIZE`: connections for reads, at most.
    pub pool_size: u32,
}

/// Without the URL and the password, which are secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("pool_size", &self.pool_size).finish_non_exhaustive()
    }
}

/// The pool for everything but the one transaction. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// How long a read waits for a free connection before it fails.
    pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

    /// Prepares the pool; nothing is connected until the first query.
    pub fn open(config: &Config) -> Result<Store, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(config.pool_size)
            .acquire_timeout(Self::ACQUIRE_TIMEOUT)
            .connect_lazy_with(connect_options(config)?);
        Ok(Store { pool })
    }

    /// The consumer group's default name. It contains the database's own id: two databases on one
    /// group would each store half of the events.
    pub async fn default_group(&self) -> Result<String, StoreError> {
        let install_id: String = sqlx::query_scalar("SELECT install_id FROM install").fetch_one(&self.pool).await?;
        Ok(format!("oncelog-{install_id}"))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// Timeouts that the *server* holds, so that a stopped client can't keep a row locked:
/// PostgreSQL ends the session of a transaction that idles, and of a peer that is gone.
fn connect_options(config: &Config) -> Result<PgConnectOptions, StoreError> {
    let mut options = PgConnectOptions::from_str(&config.url).map_err(StoreError::Url)?;
    if let Some(password) = &config.password {
        options = options.password(password);
    }
    Ok(options.application_name("oncelog").options([
        ("timezone", "UTC"),
        ("default_transaction_isolation", "read committed"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]))
}
