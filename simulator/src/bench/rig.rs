//! Broker, database and services of a bench, with the settings of `make up`, except that PostgreSQL's
//! `shared_buffers` are a quarter of the machine's memory, as on a server.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Url;
use sqlx::postgres::{PgPool, PgPoolOptions};
use stack::{Native, Options, Service, ServiceBuilder, free_port};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

/// Longer than this no start takes.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// PostgreSQL's `shared_buffers` are at most this.
const SHARED_BUFFERS_AT_MOST_MIB: u64 = 4096;

/// A stack of one's own.
pub(super) struct Rig {
    stack: Native,
    oncelog: PathBuf,
    made: AtomicUsize,
    root: PgPool,
}

/// A database with the product's own tables.
pub(super) struct Database {
    pub(super) url: String,
    pub(super) pool: PgPool,
    name: String,
}

/// A service that has said that it is ready.
pub(super) struct Running {
    pub(super) service: Service,
    pub(super) port: u16,
}

impl Rig {
    pub(super) async fn start(oncelog: &Path) -> Result<Self> {
        ensure!(oncelog.is_file(), "{} is not there: cargo build --release --bin oncelog", oncelog.display());
        let postgres_settings = vec![("shared_buffers".to_owned(), format!("{}MB", shared_buffers_mib()))];
        let options = Options { heap_mib: 512, brief: false, postgres_settings, ..Options::default() };
        let stack = spawn_blocking(move || Native::start(&options)).await??;
        let root = PgPoolOptions::new().max_connections(2).connect(&stack.database_url()).await?;
        Ok(Self { stack, oncelog: oncelog.to_owned(), made: AtomicUsize::new(0), root })
    }

    pub(super) async fn end(self) -> Result<()> {
        self.root.close().await;
        Ok(spawn_blocking(move || drop(self.stack)).await?)
    }

    pub(super) fn brokers(&self) -> String {
        self.stack.kafka_brokers()
    }

    /// Where everything lies.
    pub(super) fn dir(&self) -> &Path {
        self.stack.dir()
    }

    /// Kills the database.
    pub(super) fn stop_database(&self) {
        tokio::task::block_in_place(|| self.stack.postgres().kill());
    }

    /// Has the database up again.
    pub(super) fn start_database(&self) -> Result<()> {
        Ok(tokio::task::block_in_place(|| self.stack.postgres().start())?)
    }

    /// A name that was not given before.
    pub(super) fn fresh(&self, what: &str) -> String {
        format!("{what}_{}", self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// An empty database, migrated by the product.
    pub(super) async fn database(&self) -> Result<Database> {
        let name = self.fresh("bench");
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&self.root).await?;
        let mut url = Url::parse(&self.stack.database_url())?;
        url.set_path(&name);
        let url = url.to_string();
        let migrate = self.process("migrate").env("DATABASE_URL", &url).spawn()?;
        let ended = spawn_blocking(move || migrate.wait_exit(READY_WITHIN)).await?;
        ensure!(ended.is_some_and(|status| status.success()), "oncelog migrate has failed");
        let pool = PgPoolOptions::new().max_connections(4).connect(&url).await?;
        Ok(Database { url, pool, name })
    }

    /// Removes a database, and has what was written settle: the next measurement pays for its own only.
    pub(super) async fn drop_database(&self, database: Database) -> Result<()> {
        database.pool.close().await;
        let drop = format!("DROP DATABASE {} WITH (FORCE)", database.name);
        sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&self.root).await?;
        self.settle().await
    }

    /// Writes out what the database has in memory.
    pub(super) async fn settle(&self) -> Result<()> {
        sqlx::query("CHECKPOINT").execute(&self.root).await?;
        Ok(())
    }

    /// A consumer of this Kafka topic; it may have begun to store when this returns.
    pub(super) fn spawn_consumer(&self, topic: &str, database: &Database, by_event: bool) -> Result<Running> {
        let port = free_port()?;
        let service = self
            .service("consumer", topic, database)
            .env("CONSUMER_PORT", port.to_string())
            .env("ONCELOG_PARTITION_BY", if by_event { "event" } else { "topic" })
            .spawn()?;
        Ok(Running { service, port })
    }

    /// A consumer that is ready.
    pub(super) async fn consumer(&self, topic: &str, database: &Database) -> Result<Running> {
        let consumer = self.spawn_consumer(topic, database, false)?;
        consumer.ready().await?;
        Ok(consumer)
    }

    /// An api that is ready.
    pub(super) async fn api(&self, topic: &str, database: &Database) -> Result<Running> {
        let port = free_port()?;
        let service = self.service("api", topic, database).env("PORT", port.to_string()).spawn()?;
        let api = Running { service, port };
        api.ready().await?;
        Ok(api)
    }

    /// Another program of the bench's own, as a process like the services are.
    pub(super) async fn bare_http(&self) -> Result<Running> {
        let port = free_port()?;
        let log = self.stack.dir().join("bare-http.log");
        let program = std::env::current_exe().context("where this program is")?;
        let service =
            Service::builder("bare-http", program, log).args(["bench-bare-http", &port.to_string()]).spawn()?;
        let bare = Running { service, port };
        bare.ready().await?;
        Ok(bare)
    }

    fn service(&self, command: &str, topic: &str, database: &Database) -> ServiceBuilder {
        self.process(command)
            .env("KAFKA_BROKERS", self.brokers())
            .env("KAFKA_TOPIC", topic)
            .env("DATABASE_URL", &database.url)
            .env("HOST", "127.0.0.1")
            .env("CONSUMER_HOST", "127.0.0.1")
    }

    fn process(&self, command: &str) -> ServiceBuilder {
        let log = self.stack.dir().join(command).with_extension("log");
        Service::builder(command, &self.oncelog, log).arg(command)
    }
}

impl Running {
    async fn ready(&self) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/readyz", self.port);
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline && self.service.is_running(),
                "{} is not ready:\n{}",
                self.service.name(),
                self.service.log_tail(10)
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it in order; what it had to do is done then.
    pub(super) async fn end(self) -> Result<()> {
        spawn_blocking(move || self.service.stop(Duration::from_secs(12))).await?;
        Ok(())
    }
}

/// A quarter of the memory: where PostgreSQL's manual advises to begin.
fn shared_buffers_mib() -> u64 {
    let machine = rustix::system::sysinfo();
    let quarter = machine.totalram as u64 * u64::from(machine.mem_unit) / 4;
    (quarter >> 20).min(SHARED_BUFFERS_AT_MOST_MIB)
}
