//! The pool, behind all that is not the one transaction. sqlx's own swallows why it could not connect,
//! and connects to one host only.

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::config::Config;
use crate::connect::Connector;
use crate::deadline::within;
use crate::error::{Cause, StoreError};
use crate::session::Purpose;

/// A connection, lent; goes back when dropped.
pub(crate) type Lent = Object<Connections>;

/// A connection that has been idle for so long is closed when the next one is lent.
const IDLE: Duration = Duration::from_mins(10);
/// No connection lives longer: its process on the server grows with what it has seen.
const LIFE: Duration = Duration::from_mins(30);
/// How long a lent connection may take to show that it is alive. One whose statement nobody waited
/// for is still busy with it.
const ALIVE_WITHIN: Duration = Duration::from_millis(500);

/// The pool for everything but the one transaction. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) connector: Connector,
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

#[derive(Clone, Debug)]
struct Pool {
    pool: deadpool::managed::Pool<Connections>,
    size: u32,
}

/// How connections are made, and found to be alive.
#[derive(Debug)]
pub(crate) struct Connections {
    connector: Connector,
}

impl Pool {
    fn new(connector: Connector, size: u32) -> Pool {
        let pool = deadpool::managed::Pool::builder(Connections { connector })
            .max_size(size as usize)
            // So that those that are not needed come to be idle.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(Store::ACQUIRE_TIMEOUT))
            .runtime(Runtime::Tokio1);
        #[expect(clippy::expect_used, reason = "building fails only where a time-out has no runtime")]
        let pool = pool.build().expect("a runtime is set");
        Pool { pool, size }
    }

    /// Boxed: else rustc does not see that the manager's futures can be sent, whatever they borrow.
    fn lend(&self) -> BoxFuture<'_, Result<Lent, StoreError>> {
        let lent = async {
            self.pool.retain(|_, metrics| metrics.last_used() < IDLE);
            self.pool.get().await.map_err(|error| match error {
                PoolError::Backend(error) => error,
                PoolError::Timeout(_) => self.exhausted(),
                other => StoreError::Unavailable(Cause::at("the pool", &other.to_string())),
            })
        };
        lent.boxed()
    }

    fn exhausted(&self) -> StoreError {
        let busy = format!("all {} connections were busy for {} s", self.size, Store::ACQUIRE_TIMEOUT.as_secs());
        StoreError::Unavailable(Cause::at("DATABASE_POOL_SIZE", &busy))
    }
}

impl Manager for Connections {
    type Type = PgConnection;
    type Error = StoreError;

    async fn create(&self) -> Result<PgConnection, StoreError> {
        self.connector.connect(Purpose::Queries).await.map(|(connection, _)| connection)
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<StoreError> {
        if metrics.created.elapsed() > LIFE {
            return Err(RecycleError::message("it is old"));
        }
        within(ALIVE_WITHIN, connection.ping()).await.map_err(|error| RecycleError::Backend(error.into()))
    }
}
