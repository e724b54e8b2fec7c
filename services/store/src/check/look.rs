//! The questions. All answers are facts for [`judge`](super::judge).

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Row};

use crate::connect::Connector;
use crate::error::StoreError;
use crate::install::{self, DatabaseCopy};
use crate::migrate::state::State;
use crate::schema::Schema;
use crate::session::Purpose;

/// What the database says of itself and of us.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) database: String,
    pub(super) role: String,
    pub(super) encoding: String,
    pub(super) writes: Writes,
    pub(super) synchronous_commit: String,
    pub(super) fsync: String,
    /// `DATABASE_SCHEMA`.
    pub(super) schema: Schema,
    /// Whether tables can be created in it, or it itself.
    pub(super) may_create: bool,
    /// What it holds, or why that can't be read.
    pub(super) state: Result<State, StoreError>,
    pub(super) install_id: Option<String>,
    /// Which copy of the database it is; none without the table that says so.
    pub(super) copy: Option<DatabaseCopy>,
    /// `SELECT on events`.
    pub(super) rights_missing: Vec<String>,
    /// Whether two open connections have one session.
    pub(super) shared: bool,
    pub(super) clock: Clock,
    pub(super) data_directory: Option<String>,
}

/// Whether transactions may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    Yes,
    /// Not before it is promoted.
    Standby,
    /// Not while `transaction_read_only` is on.
    ReadOnly,
}

/// The database's clock minus ours, and how wrong that can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) ahead_ms: i64,
    pub(super) unsure_ms: i64,
}

/// Asks everything, over two connections: as those of the services, they are made only where the
/// session's settings hold.
pub(super) async fn look(connector: &Connector) -> Result<Facts, StoreError> {
    let (mut first, shown) = connector.connect(Purpose::Queries).await?;
    let (mut second, another) = connector.connect(Purpose::Queries).await?;
    let mut facts = itself(&mut first, &connector.schema).await?;
    facts.clock = clock(&mut first).await?;
    facts.shared = shown.backend == another.backend || sessions(&mut first, &mut second).await?;
    facts.state = State::read(&mut first, &connector.schema).await;
    facts.rights_missing = rights_missing(&mut first).await?;
    let install = row(&mut first, "SELECT install_id FROM install").await;
    facts.install_id = install.ok().and_then(|row| row.try_get(0).ok());
    facts.copy = install::copy(&mut first).await.ok();
    // Whoever pools must not get a session with our settings back.
    let _ = sqlx::raw_sql("RESET lock_timeout").execute(&mut first).await;
    let _ = tokio::join!(first.close(), second.close());
    Ok(facts)
}

async fn row(connection: &mut PgConnection, sql: &'static str) -> Result<PgRow, sqlx::Error> {
    sqlx::raw_sql(sql).fetch_one(connection).await
}

async fn itself(connection: &mut PgConnection, schema: &Schema) -> Result<Facts, sqlx::Error> {
    let row = sqlx::query(
        "SELECT current_setting('server_version'), current_database()::text, current_user::text,
                current_setting('server_encoding'), pg_is_in_recovery(),
                current_setting('transaction_read_only') = 'on', current_setting('synchronous_commit'),
                current_setting('fsync'),
                CASE WHEN EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)
                     THEN has_schema_privilege($1, 'CREATE') AND has_schema_privilege($1, 'USAGE')
                     ELSE has_database_privilege(current_database(), 'CREATE') END,
                CASE WHEN pg_has_role('pg_read_all_settings', 'member') THEN current_setting('data_directory') END",
    )
    .bind(schema.as_str())
    .fetch_one(connection)
    .await?;
    Ok(Facts {
        version: row.try_get(0)?,
        database: row.try_get(1)?,
        role: row.try_get(2)?,
        encoding: row.try_get(3)?,
        writes: match (row.try_get(4)?, row.try_get(5)?) {
            (true, _) => Writes::Standby,
            (false, true) => Writes::ReadOnly,
            (false, false) => Writes::Yes,
        },
        synchronous_commit: row.try_get(6)?,
        fsync: row.try_get(7)?,
        may_create: row.try_get(8)?,
        data_directory: row.try_get(9)?,
        schema: schema.clone(),
        state: Ok(State::default()),
        install_id: None,
        copy: None,
        rights_missing: Vec::new(),
        shared: false,
        clock: Clock::default(),
    })
}

/// The answer was made somewhere between the question and its arrival: the middle is taken.
async fn clock(connection: &mut PgConnection) -> Result<Clock, sqlx::Error> {
    let (asked_at, asked) = (SystemTime::now(), Instant::now());
    let row = row(connection, "SELECT trunc(extract(epoch FROM clock_timestamp()) * 1000)::int8::text").await?;
    let half = asked.elapsed() / 2;
    let theirs: i64 = row.try_get::<String, _>(0)?.parse().unwrap_or_default();
    let ours = (asked_at + half).duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    Ok(Clock { ahead_ms: theirs - ours, unsure_ms: half.as_millis() as i64 + 1 })
}

/// A pooler that gives each transaction the next best connection loses what is set for a session, or
/// gives it to others. Both connections are open, so each must have a session of its own.
async fn sessions(first: &mut PgConnection, second: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const OURS: &str = "4444ms";
    sqlx::raw_sql("SET lock_timeout = '4444ms'").execute(&mut *first).await?;
    let ask = "SELECT current_setting('lock_timeout')";
    let (theirs, ours) = (row(second, ask).await?, row(first, ask).await?);
    let kept = ours.try_get::<String, _>(0)? == OURS;
    let leaked = theirs.try_get::<String, _>(0)? == OURS;
    Ok(leaked || !kept)
}

async fn rights_missing(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::raw_sql(
        "SELECT privilege || ' on ' || name
           FROM unnest(ARRAY['install', 'logs', 'progress', 'events', 'topic_counts', 'conflicts', 'dead_letters'])
                    WITH ORDINALITY AS needed (name, place),
                unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS privilege
          WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), privilege)
          ORDER BY place, privilege",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
