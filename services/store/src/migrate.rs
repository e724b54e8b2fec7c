//! The schema, brought up to date by whoever comes first, or found to be one to go on with.
//!
//! What was applied is read before anything is written: where nothing is missing, no right to write
//! is needed and a read-only database will do.

mod blocked;
pub(crate) mod known;
pub(crate) mod state;
pub(crate) mod verdict;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;

use crate::connect::Connector;
use crate::error::{LOCK_NOT_AVAILABLE, StoreError, code};
use crate::planted;
use crate::pool::Store;
use crate::session::{Purpose, Shown};

use known::MIGRATOR;
use state::State;
use verdict::{Verdict, judge};

impl Store {
    /// Applies what is missing. Safe by many processes at once: they take turns on an advisory lock.
    /// Waits a few seconds for a lock at most; call it again for as long as [`StoreError::may_pass`].
    #[must_use = "nothing is done until it is awaited"]
    pub fn migrate(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let migrate = async {
            let (mut connection, shown) = self.connector.connect(Purpose::Migrations).await?;
            let (beside, second) = self.connector.connect(Purpose::Queries).await?;
            not_shared(shown, second)?;
            let work = bring_up_to_date(&self.connector, &mut connection, shown);
            blocked::watched(beside, shown.backend, work).await
        };
        // Else rustc does not see that it can be sent, whatever the migrator borrows.
        migrate.boxed()
    }
}

async fn bring_up_to_date(
    connector: &Connector,
    connection: &mut PgConnection,
    shown: Shown,
) -> Result<(), StoreError> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut *connection).await?;
    if encoding != "UTF8" {
        return Err(StoreError::Encoding(encoding));
    }
    let schema = &connector.schema;
    let state = State::read(connection, schema).await?;
    if let Verdict::Missing(missing) = judge(&MIGRATOR, &state, schema)? {
        if shown.standby || shown.read_only {
            let why = if shown.standby { "a standby" } else { "default_transaction_read_only" };
            return Err(StoreError::ReadOnly { why, missing: numbers(&missing) });
        }
        apply(connection, connector, &state).await?;
        // While we waited for our turn, a newer program may have been here.
        let now = State::read(connection, schema).await?;
        let Verdict::UpToDate = judge(&MIGRATOR, &now, schema)? else {
            let dropped = MigrateError::Source("it was changed meanwhile".into());
            return Err(StoreError::Migrate(dropped));
        };
    }
    planted::drop_constraints(connection).await?;
    Ok(())
}

/// Two clients that are connected at a time and have one process on the server share it: a pooler in
/// transaction mode. Two processes prove nothing: it may have given us one each.
fn not_shared(first: Shown, second: Shown) -> Result<(), StoreError> {
    if first.backend == second.backend {
        let proof = format!("two clients share the server's process {}", first.backend);
        return Err(StoreError::Pooler(proof));
    }
    Ok(())
}

async fn apply(connection: &mut PgConnection, connector: &Connector, state: &State) -> Result<(), StoreError> {
    let schema = &connector.schema;
    let failed = |cause| state.failed(cause, schema);
    if !state.schema_exists {
        let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {}", schema.quoted()));
        sqlx::raw_sql(create).execute(&mut *connection).await.map_err(failed)?;
    }
    // PostgreSQL would pass over the schema without a word, and make the tables temporary ones.
    let may_use = sqlx::query_scalar("SELECT has_schema_privilege($1, 'USAGE')").bind(schema.as_str());
    if !may_use.fetch_one(&mut *connection).await? {
        let cause = format!("permission denied for schema {schema}");
        return Err(StoreError::MissingRight { role: state.role.clone(), schema: schema.clone(), cause });
    }
    let mut migrator = Migrator::with_migrations(MIGRATOR.iter().cloned().collect());
    migrator.set_ignore_missing(true);
    // What `run` calls, without its bound, by which rustc can't see that all this can be sent.
    match migrator.run_direct(None, connection, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) if may_pass(&cause) => {
            Err(failed(cause))
        }
        Err(error) => Err(StoreError::Migrate(error)),
    }
}

/// No answer, or one that speaks of the server's state: connections, resources, a shutdown, locks,
/// read-only; or of rights, which somebody may grant.
fn may_pass(error: &sqlx::Error) -> bool {
    error.as_database_error().is_none()
        || matches!(code(error).as_str(), LOCK_NOT_AVAILABLE | "40001" | "40P01" | "25006" | "42501")
        || matches!(code(error).get(..2), Some("08" | "53" | "57"))
}

fn numbers(versions: &[i64]) -> String {
    let numbers: Vec<String> = versions.iter().map(i64::to_string).collect();
    format!("migration {}", numbers.join(", "))
}
