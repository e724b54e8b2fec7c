//! A database of one's own, and a hand in it.

use std::thread;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::events::unique;

/// Created for one test, dropped with it.
pub(crate) struct Database {
    pub(crate) url: String,
    admin_url: String,
    name: String,
    pool: PgPool,
}

/// A copy of a database, to be restored.
pub(crate) struct Backup {
    name: String,
}

impl Backup {
    /// Whoever connects to it once it is restored can only read.
    pub(crate) async fn read_only(&self, database: &Database) {
        database.administer(format!("ALTER DATABASE {} SET default_transaction_read_only = true", self.name)).await;
    }
}

impl Database {
    /// Creates an empty database on the server of `admin_url`.
    pub(crate) async fn create(admin_url: &str) -> Self {
        let name = unique("test");
        run(admin_url, format!("CREATE DATABASE {name}")).await.unwrap();
        Database::named(name, admin_url)
    }

    /// One that is there.
    fn named(name: String, admin_url: &str) -> Self {
        let (server, _) = admin_url.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(30))
            .connect_lazy(&url)
            .unwrap();
        let admin_url = admin_url.to_owned();
        Database { url, admin_url, name, pool }
    }

    /// A copy of it as it is now. Ends all sessions, as a copy by template demands.
    pub(crate) async fn back_up(&self) -> Backup {
        let name = unique("backup");
        self.shut().await;
        self.administer(format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).await;
        self.administer(format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name)).await;
        Backup { name }
    }

    /// The address of a backup, before it is restored.
    pub(crate) fn url_of(&self, backup: &Backup) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{}", backup.name)
    }

    /// A copy of it as it is now, beside it. Ends all sessions, too.
    pub(crate) async fn copy(&self) -> Database {
        let Backup { name } = self.back_up().await;
        Database::named(name, &self.admin_url)
    }

    /// Puts a backup in its place, by the statements that the book names.
    pub(crate) async fn restore(&self, backup: Backup) {
        self.shut().await;
        self.administer(format!("DROP DATABASE {}", self.name)).await;
        self.administer(format!("ALTER DATABASE {} RENAME TO {}", backup.name, self.name)).await;
    }

    /// Ends all sessions and lets none in.
    async fn shut(&self) {
        self.administer(format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name)).await;
        let sessions = format!("FROM pg_stat_activity WHERE datname = '{}'", self.name);
        self.administer(format!("SELECT pg_terminate_backend(pid) {sessions}")).await;
    }

    /// Runs a statement in another database of the server, where nothing keeps it from being run.
    pub(crate) async fn administer(&self, sql: String) {
        run(&self.admin_url, sql).await.unwrap();
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its URL for somebody else.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        let (_, server) = self.url.rsplit_once('@').unwrap();
        format!("postgres://{user}:{password}@{server}")
    }

    /// Creates a role that may log in with the password `right`, and gives its name.
    pub(crate) async fn role(&self) -> String {
        let role = unique("role");
        self.administer(format!("CREATE ROLE {role} LOGIN PASSWORD 'right'")).await;
        role
    }

    /// Makes the role the owner of everything, so that it may migrate.
    pub(crate) async fn give_to(&self, role: &str) {
        self.administer(format!("ALTER DATABASE {} OWNER TO {role}", self.name)).await;
        self.execute(&format!("ALTER SCHEMA public OWNER TO {role}")).await;
    }

    /// Sessions that begin from now on can only read, or write again. Those of the services end.
    pub(crate) async fn read_only(&self, on: bool) {
        let set = format!("ALTER DATABASE {} SET default_transaction_read_only = {on}", self.name);
        self.administer(set).await;
        self.end_sessions().await;
    }

    /// Ends the sessions of all services.
    pub(crate) async fn end_sessions(&self) {
        let theirs = format!("datname = '{}' AND application_name LIKE 'oncelog%'", self.name);
        self.administer(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {theirs}")).await;
    }

    /// A session of its own.
    pub(crate) async fn session(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Runs statements.
    pub(crate) async fn execute(&self, sql: &str) {
        let statement = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    /// One number; 0 for NULL.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.try_number(sql).await.unwrap()
    }

    /// One number, or none while the database or its tables are not there.
    pub(crate) async fn try_number(&self, sql: &str) -> Option<i64> {
        let statement = AssertSqlSafe(format!("SELECT coalesce(({sql})::int8, 0)"));
        sqlx::query_scalar(statement).fetch_one(&self.pool).await.ok()
    }

    /// One row of text columns per result.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let statement = AssertSqlSafe(format!("SELECT t::text FROM ({sql}) AS q(t)"));
        let found = sqlx::query_scalar(statement).fetch_all(&self.pool).await;
        found.unwrap()
    }

    /// Rows of numbers.
    pub(crate) async fn rows<R>(&self, sql: &'static str) -> Vec<R>
    where
        R: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        sqlx::query_as(sql).fetch_all(&self.pool).await.unwrap()
    }

    /// Whether two JSON texts are the same value, numbers compared exactly.
    pub(crate) async fn same_json(&self, one: &str, other: &str) -> bool {
        let same = sqlx::query_scalar("SELECT $1::jsonb = $2::jsonb");
        same.bind(one).bind(other).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let admin_url = std::mem::take(&mut self.admin_url);
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own: the test's runtime may be the one that is dropping us. The server
        // may be gone, and the database with it.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            let _ = runtime.block_on(run(&admin_url, drop));
        });
        let _ = dropping.join();
    }
}

async fn run(url: &str, sql: String) -> Result<(), sqlx::Error> {
    let connecting = PgConnection::connect(url);
    let connected = tokio::time::timeout(Duration::from_secs(20), connecting).await;
    let mut connection = connected.map_err(|_| sqlx::Error::PoolTimedOut)??;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
