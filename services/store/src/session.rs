//! What every session is set to, and the proof that it is.
//!
//! The settings are sent by statement once connected: a pooler takes no other at the start. They
//! stand above those of the role and the database, so nobody's ALTER ROLE changes what a statement
//! of ours means. Timeouts are those that the *server* holds: a stopped client can't keep a row
//! locked, for PostgreSQL ends the session of a transaction that idles, and of a peer that is gone.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use crate::error::StoreError;
use crate::schema::Schema;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The pool's: reads, and the few writes that are no batch.
    Queries,
    /// The one transaction.
    Writer,
    /// Verdicts, hundreds of times a second.
    Verdicts,
    /// Looking at the schema and changing it.
    Migrations,
}

/// Each is a user's to set. `row_security=off` makes a policy that hides rows an error: a hidden row
/// would be stored a second time.
const EVERYWHERE: [(&str, &str); 12] = [
    ("timezone", "UTC"),
    ("default_transaction_isolation", "read committed"),
    ("standard_conforming_strings", "on"),
    ("row_security", "off"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("idle_session_timeout", "0"),
    ("transaction_timeout", "0"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

/// Verdicts' statements look keys up, and keep their plans: one that was made while a table was small
/// must not read all of it per key once it is large. Nobody waits for an answer for longer.
const VERDICTS: [(&str, &str); 4] =
    [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("jit", "off"), ("statement_timeout", "2s")];

/// A table may take as long as it takes to be rewritten. For a lock it is asked again and again, and
/// said who holds it; who waits in the queue of a lock holds up all behind.
const MIGRATIONS: [(&str, &str); 2] = [("lock_timeout", "3s"), ("statement_timeout", "0")];

impl Purpose {
    /// As `pg_stat_activity` shows it.
    pub(crate) fn application_name(self) -> &'static str {
        match self {
            Purpose::Queries => "oncelog",
            Purpose::Writer => "oncelog writer",
            Purpose::Verdicts => "oncelog verdicts",
            Purpose::Migrations => "oncelog migrations",
        }
    }

    fn settings(self, schema: &Schema) -> Vec<(&'static str, String)> {
        let own: &[(&str, &str)] = match self {
            Purpose::Queries | Purpose::Writer => &[],
            Purpose::Verdicts => &VERDICTS,
            Purpose::Migrations => &MIGRATIONS,
        };
        let common = EVERYWHERE.iter().filter(|(name, _)| own.iter().all(|(another, _)| another != name));
        let fixed = common.chain(own).map(|(name, value)| (*name, (*value).to_owned()));
        fixed.chain([("search_path", schema.search_path())]).collect()
    }
}

/// What a session shows once it is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// The server's process. Two clients that are connected at a time have two, but for a pooler that
    /// shares them.
    pub(crate) backend: i32,
    /// A standby: it takes no writes until it is promoted.
    pub(crate) standby: bool,
    /// Whether a transaction can write.
    pub(crate) read_only: bool,
}

/// Sets everything and reads it back in another transaction: a pooler that gives each transaction
/// another session loses it.
pub(crate) async fn set_up(
    connection: &mut PgConnection,
    purpose: Purpose,
    schema: &Schema,
) -> Result<Shown, StoreError> {
    let settings = purpose.settings(schema);
    sqlx::raw_sql(AssertSqlSafe(setting(&settings))).execute(&mut *connection).await?;
    let rows = sqlx::raw_sql(AssertSqlSafe(reading(&settings))).fetch_all(connection).await?;
    let mut shown = Shown { backend: 0, standby: false, read_only: false };
    for (row, (name, wanted)) in rows.iter().zip(&settings) {
        // A server that does not know the setting shows none.
        let found: Option<&str> = row.try_get(0)?;
        // Over a unix socket there is nothing to be kept alive.
        let holds = found.is_none_or(|found| found == wanted || (found == "0" && name.starts_with("tcp_")));
        if !holds {
            return Err(StoreError::Pooler(format!("{name} was set to {wanted} and is {}", found.unwrap_or_default())));
        }
        shown.backend = row.try_get(1)?;
        shown.standby = row.try_get(2)?;
        shown.read_only = row.try_get(3)?;
    }
    Ok(shown)
}

/// A setting that this server does not know is left out.
fn setting(settings: &[(&str, String)]) -> String {
    let pairs: Vec<String> =
        settings.iter().map(|(name, value)| format!("({}, {})", literal(name), literal(value))).collect();
    format!(
        "SELECT pg_catalog.set_config(name, value, false)
           FROM (VALUES {}) AS wanted(name, value)
          WHERE pg_catalog.current_setting(name, true) IS NOT NULL",
        pairs.join(", ")
    )
}

/// One row for each, in their order.
fn reading(settings: &[(&str, String)]) -> String {
    let names: Vec<String> =
        settings.iter().enumerate().map(|(n, (name, _))| format!("({n}, {})", literal(name))).collect();
    format!(
        "SELECT pg_catalog.current_setting(name, true), pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(),
                pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool
           FROM (VALUES {}) AS wanted(nth, name)
          ORDER BY nth",
        names.join(", ")
    )
}

/// Read the same whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
