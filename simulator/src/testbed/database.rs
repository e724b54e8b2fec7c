//! A hand in the database, past the services.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::TestbedError;

/// What the services' role says to get in: the database listens on the loopback address only.
const PASSWORD: &str = "simulated";
const PATIENCE: Duration = Duration::from_secs(20);

/// The database of one run, and the role that the services use: it owns its database
/// and may do nothing else.
#[derive(Debug)]
pub struct Database {
    name: String,
    admin: PgConnectOptions,
    pool: PgPool,
    /// Holds locks while it is there.
    outsider: Option<PgConnection>,
}

impl Database {
    /// Creates an empty one. `name` is the role's name as well.
    pub async fn create(admin_url: &str, name: String) -> Result<Self, TestbedError> {
        let admin = PgConnectOptions::from_str(admin_url)?;
        let pool = PgPoolOptions::new()
            .max_connections(3)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(admin.clone().database(&name));
        let database = Self { name, admin, pool, outsider: None };
        let name = &database.name;
        database.run(&format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")).await?;
        database.run(&format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0 ENCODING 'UTF8'")).await?;
        Ok(database)
    }

    /// Its address through a proxy, for the services.
    #[must_use]
    pub fn url(&self, port: u16) -> String {
        format!("postgres://{name}:{PASSWORD}@127.0.0.1:{port}/{name}", name = self.name)
    }

    /// The address of a copy of it.
    #[must_use]
    pub fn copy_url(&self, port: u16) -> String {
        format!("{}_copy", self.url(port))
    }

    /// Connections to it, as a superuser and past every proxy.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Statements outside this database, one connection each.
    async fn run(&self, sql: &str) -> Result<(), TestbedError> {
        let mut connection = PgConnection::connect_with(&self.admin).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Statements in this database.
    pub async fn execute(&self, sql: &str) -> Result<(), TestbedError> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.pool).await?;
        Ok(())
    }

    /// The consumer group's default name.
    pub async fn group(&self) -> Result<String, TestbedError> {
        let id: String = sqlx::query_scalar("SELECT install_id FROM install").fetch_one(&self.pool).await?;
        Ok(format!("oncelog-{id}"))
    }

    /// Whether what it keeps of the copy that is worked with is true of itself.
    pub async fn is_the_copy_that_is_kept(&self) -> Result<bool, TestbedError> {
        let kept = "SELECT split_part(copy_id, ' ', 1) LIKE format('%s/%s/%%', system_identifier, oid)
                      FROM install, pg_control_system(), pg_database
                     WHERE datname = current_database()";
        Ok(sqlx::query_scalar::<_, Option<bool>>(kept).fetch_one(&self.pool).await?.unwrap_or_default())
    }

    /// `next_offset` by partition, of the Kafka topic's newest incarnation.
    pub async fn next_offsets(&self) -> Result<HashMap<i32, i64>, TestbedError> {
        let newest = "SELECT partition, next_offset
                        FROM progress
                       WHERE log_id = (SELECT max(log_id) FROM logs)";
        let rows: Vec<(i32, i64)> = sqlx::query_as(newest).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().collect())
    }

    /// Offsets accounted for, of all incarnations.
    pub async fn accounted(&self) -> Result<i64, TestbedError> {
        let sum = "SELECT coalesce(sum(next_offset - first_offset), 0)::int8 FROM progress";
        Ok(sqlx::query_scalar(sum).fetch_one(&self.pool).await?)
    }

    /// The same without one partition.
    pub async fn accounted_without(&self, partition: i32) -> Result<i64, TestbedError> {
        let sum = "SELECT coalesce(sum(next_offset - first_offset), 0)::int8 FROM progress WHERE partition <> $1";
        Ok(sqlx::query_scalar(sum).bind(partition).fetch_one(&self.pool).await?)
    }

    /// Whether the newest incarnation of the Kafka topic bears the topic's id.
    pub async fn is_identified(&self) -> Result<bool, TestbedError> {
        let newest = "SELECT topic_id <> '' FROM logs ORDER BY log_id DESC LIMIT 1";
        Ok(sqlx::query_scalar(newest).fetch_one(&self.pool).await?)
    }

    /// How many positions an api suspects.
    pub async fn suspected(&self) -> Result<i64, TestbedError> {
        let count = "SELECT count(*) FROM progress WHERE suspected_offset < next_offset";
        Ok(sqlx::query_scalar(count).fetch_one(&self.pool).await?)
    }

    /// Nobody may connect while `sql` runs, and who was connected is not any more.
    async fn alone(&self, sql: &[String]) -> Result<(), TestbedError> {
        let name = &self.name;
        self.run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await?;
        self.run(&terminate(name)).await?;
        let mut done = Ok(());
        for statement in sql {
            // One by one: some may not run in the transaction that a string of several is.
            done = self.run(statement).await;
            if done.is_err() {
                break;
            }
        }
        self.run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await?;
        done
    }

    /// Copies it as it is.
    pub async fn copy(&self) -> Result<(), TestbedError> {
        let name = &self.name;
        self.alone(&[format!("CREATE DATABASE {name}_copy OWNER {name} TEMPLATE {name}")]).await
    }

    /// Puts the copy in its place.
    pub async fn restore(&self) -> Result<(), TestbedError> {
        let name = &self.name;
        self.alone(&[
            format!("ALTER DATABASE {name} RENAME TO {name}_lost"),
            format!("ALTER DATABASE {name}_copy RENAME TO {name}"),
        ])
        .await
    }

    /// Limits the role's connections (-1: not at all), and closes those it has.
    pub async fn limit_connections(&self, limit: i32) -> Result<(), TestbedError> {
        let name = &self.name;
        self.run(&format!("ALTER ROLE {name} CONNECTION LIMIT {limit}")).await?;
        if limit >= 0 {
            self.run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'"))
                .await?;
        }
        Ok(())
    }

    /// Raises 53100 on every insert of events.
    pub async fn fill_disk(&self) -> Result<(), TestbedError> {
        self.execute(
            "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER disk_full BEFORE INSERT ON events
                FOR EACH STATEMENT EXECUTE FUNCTION disk_full();",
        )
        .await
    }

    /// Undoes [`Database::fill_disk`], done or not.
    pub async fn free_disk(&self) -> Result<(), TestbedError> {
        self.execute("DROP TRIGGER IF EXISTS disk_full ON events; DROP FUNCTION IF EXISTS disk_full()").await
    }

    /// Refuses dead letters whose value is longer than so many bytes.
    pub async fn refuse_dead_letters(&self, longer_than: i64) -> Result<(), TestbedError> {
        self.execute(&format!(
            "CREATE OR REPLACE FUNCTION refuse_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'too large for the testbed' USING ERRCODE = '54000'; END $$;
             CREATE OR REPLACE TRIGGER refuse_dead_letters BEFORE INSERT ON dead_letters
                FOR EACH ROW WHEN (coalesce(length(NEW.value), 0) > {longer_than})
                EXECUTE FUNCTION refuse_dead_letters()"
        ))
        .await
    }

    /// An outsider locks all progress until [`Database::unlock`].
    pub async fn lock(&mut self) -> Result<(), TestbedError> {
        let mut outsider = self.connect().await?;
        sqlx::raw_sql("BEGIN; SELECT 1 FROM progress FOR UPDATE").execute(&mut outsider).await?;
        self.outsider = Some(outsider);
        Ok(())
    }

    /// The outsider goes away, and its locks with it.
    pub async fn unlock(&mut self) -> Result<(), TestbedError> {
        match self.outsider.take() {
            Some(outsider) => Ok(outsider.close().await?),
            None => Ok(()),
        }
    }

    /// An outsider locks the last partition, then the first, and gives up all.
    pub async fn lock_in_the_wrong_order(&self) -> Result<(), TestbedError> {
        let mut outsider = self.connect().await?;
        let order = "BEGIN;
                     SELECT 1 FROM progress WHERE partition = (SELECT max(partition) FROM progress) FOR UPDATE;
                     SELECT pg_sleep(0.3);
                     SELECT 1 FROM progress WHERE partition <> (SELECT max(partition) FROM progress)
                      ORDER BY partition DESC FOR UPDATE;
                     ROLLBACK";
        // Whether the outsider is the victim or the service is PostgreSQL's choice.
        let _ = sqlx::raw_sql(order).execute(&mut outsider).await;
        Ok(outsider.close().await?)
    }

    /// Deletes every other event of those that are there.
    pub async fn prune(&self) -> Result<(), TestbedError> {
        self.execute("DELETE FROM events WHERE \"offset\" % 2 = 0").await
    }

    /// Deletes what was kept of records that made no event.
    pub async fn clean(&self) -> Result<(), TestbedError> {
        self.execute("DELETE FROM dead_letters; DELETE FROM conflicts").await
    }

    /// Every other dead letter becomes an event, and the rest their repeats; the sums stay right.
    pub async fn as_if_rules_had_been_laxer(&self) -> Result<(), TestbedError> {
        self.execute(
            "BEGIN;
             CREATE TEMP TABLE were ON COMMIT DROP AS
                SELECT log_id, partition, \"offset\", \"offset\" % 2 = 0 AS is_event FROM dead_letters;
             DELETE FROM dead_letters;
             INSERT INTO events (topic, event_id, timestamp, source, payload, log_id, partition, \"offset\")
                SELECT 'lax', gen_random_uuid()::text, now(), 's', '{}', log_id, partition, \"offset\"
                  FROM were WHERE is_event;
             CREATE TEMP TABLE sums ON COMMIT DROP AS
                SELECT log_id, partition, count(*) FILTER (WHERE is_event) AS stored, count(*) AS consumed
                  FROM were GROUP BY log_id, partition;
             UPDATE progress p
                SET stored = p.stored + s.stored, duplicates = p.duplicates + s.consumed - s.stored,
                    dead_letters = p.dead_letters - s.consumed
               FROM sums s WHERE (s.log_id, s.partition) = (p.log_id, p.partition);
             INSERT INTO topic_counts (topic, log_id, partition, stored, duplicates)
                SELECT 'lax', log_id, partition, stored, consumed - stored FROM sums;
             COMMIT",
        )
        .await
    }

    /// As a program of before leaves it.
    pub async fn forget_witness(&self) -> Result<(), TestbedError> {
        self.execute("UPDATE progress SET witness_offset = NULL, witness_epoch = NULL, witness_hash = NULL").await
    }

    /// A connection to the copy that lives beside it.
    pub(super) async fn connect_to_copy(&self) -> Result<PgConnection, TestbedError> {
        Ok(PgConnection::connect_with(&self.admin.clone().database(&format!("{}_copy", self.name))).await?)
    }

    async fn connect(&self) -> Result<PgConnection, TestbedError> {
        Ok(PgConnection::connect_with(&self.admin.clone().database(&self.name)).await?)
    }

    /// Undoes what the services can't live with.
    pub async fn mend(&mut self) -> Result<(), TestbedError> {
        self.outsider = None;
        self.limit_connections(-1).await?;
        self.free_disk().await
    }

    /// Removes it, its copies and the role.
    pub async fn drop(self) -> Result<(), TestbedError> {
        self.pool.close().await;
        let name = &self.name;
        for database in [name.clone(), format!("{name}_copy"), format!("{name}_lost")] {
            self.run(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await?;
        }
        self.run(&format!("DROP ROLE IF EXISTS {name}")).await
    }
}

fn terminate(database: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
}
