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
//! | [`check`] | whether a database is fit, for `oncelog doctor` |
//! | [`counts`] | the counters behind `/stats` and `/topics` |
//! | `address` | `DATABASE_URL`, with several hosts |
//! | `connect`, `session`, `pool` | connections: to a host that will do, with the session's settings proved |
//! | [`schema`] | the one schema that holds the tables |
//! | `migrate` | the schema brought up to date, or found to be newer |
//! | [`error`] | what each failure allows the caller to do |

mod address;
pub mod append;
pub mod batch;
pub mod check;
mod connect;
pub mod counts;
pub mod error;
pub mod events;
pub mod logs;
mod migrate;
mod pool;
pub mod progress;
pub mod recent;
pub mod schema;
mod session;
pub mod settle;
pub mod verdicts;
pub mod writer;

use std::fmt;
use std::time::Duration;

pub use address::AddressError;
pub use append::{AppendError, Appended, Found, Tally};
pub use batch::{Batch, DeadLetter, Entry, Raw, Slice, What};
pub use error::StoreError;
pub use logs::{Log, LogId, LogIdentity, PartitionBy};
pub use progress::Progress;
pub use schema::Schema;
pub use settle::Outcome;
pub use writer::{Session, Writer};

use connect::Connector;
use pool::{Lent, Pool};

/// How to reach the database.
#[derive(Clone)]
pub struct Config {
    /// `DATABASE_URL`: `postgres://user:password@host:port/database`.
    pub url: String,
    /// `DATABASE_PASSWORD`: wins over the one in the URL.
    pub password: Option<String>,
    /// `DATABASE_SCHEMA`: where the tables are.
    pub schema: Schema,
    /// `DATABASE_POOL_SIZE`: connections for reads, at most.
    pub pool_size: u32,
}

/// Without the URL and the password, which are secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("schema", &self.schema)
            .field("pool_size", &self.pool_size)
            .finish_non_exhaustive()
    }
}

/// The pool for everything but the one transaction. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    connector: Connector,
    pool: Pool,
}

impl Store {
    /// How long a read waits for a free connection before it fails.
    pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

    /// Prepares the pool; nothing is connected until the first query.
    pub fn open(config: &Config) -> Result<Store, StoreError> {
        let connector = Connector::new(config)?;
        let pool = Pool::new(connector.clone(), config.pool_size);
        Ok(Store { connector, pool })
    }

    /// The consumer group's default name. It contains the database's own id: two databases on one
    /// group would each store half of the events.
    pub async fn default_group(&self) -> Result<String, StoreError> {
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar("SELECT install_id FROM install").fetch_one(&mut *connection);
        let install_id: String = query.await?;
        Ok(format!("oncelog-{install_id}"))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        sqlx::query("SELECT 1").execute(&mut *connection).await?;
        Ok(())
    }

    pub(crate) async fn connection(&self) -> Result<Lent, StoreError> {
        self.pool.lend().await
    }
}
