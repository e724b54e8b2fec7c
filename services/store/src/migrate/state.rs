//! What the database says about its schema, read without writing.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::error::{StoreError, code, words};
use crate::schema::Schema;

/// A migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) checksum: Vec<u8>,
    /// Whether it went through to its end.
    pub(crate) whole: bool,
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) role: String,
    pub(crate) schema_exists: bool,
    /// The schemas that hold tables of oncelog.
    pub(crate) homes: Vec<String>,
    /// In the configured schema, in their order.
    pub(crate) applied: Vec<Applied>,
    /// The oldest program that the schema admits, where it says so.
    pub(crate) oldest: Option<i64>,
}

/// The first migration after which `install` says which programs may go on.
const SAYS_WHO_MAY: i64 = 4;

impl State {
    /// All of one moment: what another process migrates meanwhile is seen as a whole, or not yet.
    pub(crate) async fn read(connection: &mut PgConnection, schema: &Schema) -> Result<State, StoreError> {
        let mut snapshot = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let state = State::read_in(&mut snapshot, schema).await;
        snapshot.rollback().await?;
        state
    }

    async fn read_in(connection: &mut PgConnection, schema: &Schema) -> Result<State, StoreError> {
        let (mut state, has_migrations) = look(connection, schema).await?;
        if !has_migrations {
            return Ok(state);
        }
        // With the schema's name: one that may not be used is left out of search_path without a word.
        let applied = AssertSqlSafe(format!(
            "SELECT version, checksum, success FROM {}._sqlx_migrations ORDER BY version",
            schema.quoted()
        ));
        let rows = sqlx::query(applied).fetch_all(&mut *connection).await;
        let rows = rows.map_err(|cause| state.failed(cause, schema))?;
        for row in rows {
            state.applied.push(Applied { version: row.try_get(0)?, checksum: row.try_get(1)?, whole: row.try_get(2)? });
        }
        let says_who_may = state.applied.iter().any(|applied| applied.version >= SAYS_WHO_MAY && applied.whole);
        if says_who_may && state.is_home(schema) {
            let oldest = AssertSqlSafe(format!("SELECT oldest_program FROM {}.install", schema.quoted()));
            let oldest = sqlx::query_scalar(oldest).fetch_one(connection).await;
            state.oldest = Some(oldest.map_err(|cause| state.failed(cause, schema))?);
        }
        Ok(state)
    }

    /// What PostgreSQL refuses to this role is a right that it lacks.
    pub(super) fn failed(&self, cause: sqlx::Error, schema: &Schema) -> StoreError {
        match code(&cause).as_str() {
            "42501" => {
                StoreError::MissingRight { role: self.role.clone(), schema: schema.clone(), cause: words(&cause) }
            }
            _ => cause.into(),
        }
    }

    /// The newest migration that was applied; 0 without any.
    pub(crate) fn newest(&self) -> i64 {
        self.applied.iter().map(|applied| applied.version).max().unwrap_or_default()
    }

    pub(crate) fn is_home(&self, schema: &Schema) -> bool {
        self.homes.iter().any(|home| home == schema.as_str())
    }
}

/// Everything but the rows, and whether there is a table of migrations in the configured schema.
async fn look(connection: &mut PgConnection, schema: &Schema) -> Result<(State, bool), StoreError> {
    let row = sqlx::query(
        "SELECT current_user::text,
                EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),
                EXISTS (SELECT FROM pg_class AS m JOIN pg_namespace AS n ON n.oid = m.relnamespace
                         WHERE n.nspname = $1 AND m.relname = '_sqlx_migrations'),
                ARRAY(SELECT n.nspname::text
                        FROM pg_namespace AS n
                       WHERE (SELECT count(*) FROM pg_class AS t
                               WHERE t.relnamespace = n.oid
                                 AND t.relname IN ('_sqlx_migrations', 'install', 'progress', 'topic_counts')) = 4
                       ORDER BY 1)",
    )
    .bind(schema.as_str())
    .fetch_one(connection)
    .await?;
    let state =
        State { role: row.try_get(0)?, schema_exists: row.try_get(1)?, homes: row.try_get(3)?, ..State::default() };
    Ok((state, row.try_get(2)?))
}
