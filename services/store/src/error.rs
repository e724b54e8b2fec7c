//! What each failure allows the caller to do.

use std::fmt;

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

use crate::address::AddressError;
use crate::schema::Schema;

/// The SQLSTATE of a lock that was waited for in vain.
pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A read, a migration or a connection failed. Nothing was changed unless the variant says so. A cause is part
/// of the text, and no source besides: whoever prints both would say it twice.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Correct the setting; trying again won't help.
    #[error("DATABASE_URL can't be used: {0}")]
    Url(AddressError),
    /// Try again with backoff: the database is down, full, or busy, or does not let us in.
    #[error("the database can't be used now: {0}")]
    Unavailable(Cause),
    /// Try again with backoff: the schema is not there yet, and can't be brought there now.
    #[error("the database is read-only ({why}), and its schema lacks {missing}; waiting until it takes writes")]
    ReadOnly {
        /// What PostgreSQL calls it.
        why: &'static str,
        /// Which migrations.
        missing: String,
    },
    /// Try again with backoff: somebody with more rights has to migrate.
    #[error(
        "the role {role} may not bring the schema {schema} up to date ({cause}): run `oncelog migrate` as the role \
         that owns the tables; {role} itself needs USAGE on the schema and SELECT, INSERT, UPDATE on its tables"
    )]
    MissingRight {
        /// Whose rights.
        role: String,
        /// Where.
        schema: Schema,
        /// What PostgreSQL says.
        cause: String,
    },
    /// Try again with backoff: somebody holds a lock that looking at the schema, or changing it, needs.
    #[error("the schema waits for a lock {0}")]
    Locked(String),
    /// Start a newer oncelog.
    #[error(
        "the database's schema has version {schema} and admits programs that know version {oldest} or later; this \
         one knows version {program}: start a newer oncelog, or restore the backup from before the upgrade"
    )]
    NewerSchema {
        /// The newest migration that was applied.
        schema: i64,
        /// The oldest program that the schema admits.
        oldest: i64,
        /// The newest migration that this program knows.
        program: i64,
    },
    /// Set `DATABASE_SCHEMA`.
    #[error(
        "oncelog's tables are in the schema {} of this database, and there are none in {configured}: set \
         DATABASE_SCHEMA={} to go on with them; a second installation needs a database of its own",
        found.join(" and in the schema "), found.join(" or DATABASE_SCHEMA=")
    )]
    Elsewhere {
        /// Where they are.
        found: Vec<String>,
        /// Where they should be.
        configured: Schema,
    },
    /// Set `DATABASE_SCHEMA`.
    #[error(
        "the table _sqlx_migrations in the schema {0} belongs to another program: set DATABASE_SCHEMA to a schema of \
         oncelog's own, or use a database of its own"
    )]
    AnotherProgram(Schema),
    /// Look at what it says.
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(MigrateError),
    /// Create the database anew with `ENCODING 'UTF8'`.
    #[error("the database's encoding is {0}; oncelog needs UTF8: CREATE DATABASE … ENCODING 'UTF8'")]
    Encoding(String),
    /// Connect first ([`crate::Writer::connect`]), or once more: the connection was closed after a failure.
    #[error("the writer is not connected to the database")]
    NotConnected,
    /// Change the pooler's mode.
    #[error(
        "there is a pooler before the database in transaction mode ({0}), in which sessions lose their settings: \
         put it into session mode (PgBouncer: pool_mode = session), or connect to PostgreSQL itself"
    )]
    Pooler(String),
    /// Set `ONCELOG_ACCEPT_LAYOUT_CHANGE=true` if order within a topic may break here.
    #[error(
        "the Kafka topic {topic} had {was} and now has {is}: order within a topic and \"first payload wins\" \
         hold only while the layout stands; set ONCELOG_ACCEPT_LAYOUT_CHANGE=true to go on with the new one"
    )]
    LayoutChanged {
        /// The Kafka topic.
        topic: String,
        /// Partitions and key mode as first seen.
        was: String,
        /// Partitions and key mode now.
        is: String,
    },
    /// Try again for as long as members that are gone may stay in the group; then somebody has to decide.
    #[error(
        "{what}, and the consumer group {group} has {members} members, which may be those of the original: a consumer \
         would take partitions from them, and an api would publish into their topic. For a copy that is to live beside \
         the original, run `oncelog migrate --as-new` on it, or set KAFKA_GROUP to a group of its own; for one that \
         takes the original's place, stop what works with the original"
    )]
    AnotherCopy {
        /// What does not fit.
        what: String,
        /// The consumer group.
        group: String,
        /// How many members it has.
        members: usize,
    },
    /// Somebody has to decide.
    #[error(
        "{what}, and a consumer of the group {group} was refused on it beside the group's members, which may be those of \
         the original. It stays refused, also while the group is empty, until `oncelog migrate --as-new` was run on it, \
         or KAFKA_GROUP is another group: do so also where it is to take the original's place, and stop what works with \
         the original"
    )]
    RefusedCopy {
        /// What does not fit.
        what: String,
        /// The consumer group.
        group: String,
    },
    /// Stop the consumers.
    #[error(
        "consumers work with this database (processes {0} of the server): only a copy that nobody works with becomes \
         an installation of its own; stop them, and start them again afterwards"
    )]
    InUse(String),
}

impl StoreError {
    /// Whether waiting may help. If not, somebody has to change a setting, or start another program.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            StoreError::Unavailable(_)
            | StoreError::ReadOnly { .. }
            | StoreError::MissingRight { .. }
            | StoreError::Locked(_)
            | StoreError::NotConnected
            | StoreError::AnotherCopy { .. } => true,
            StoreError::Url(_)
            | StoreError::NewerSchema { .. }
            | StoreError::Elsewhere { .. }
            | StoreError::AnotherProgram(_)
            | StoreError::Migrate(_)
            | StoreError::Encoding(_)
            | StoreError::Pooler(_)
            | StoreError::LayoutChanged { .. }
            | StoreError::RefusedCopy { .. }
            | StoreError::InUse(_) => false,
        }
    }
}

impl From<AddressError> for StoreError {
    fn from(error: AddressError) -> Self {
        StoreError::Url(error)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Unavailable(Cause { text: words(&error), kind: Kind::of(&error) })
    }
}

/// Why the database can't be used, in PostgreSQL's or the system's own words. Without a value of a
/// statement, and without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    text: String,
    kind: Kind,
}

/// What kind of a reason it is, by what mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody answers.
    Silent,
    /// The two sides don't agree on TLS.
    Tls,
    /// The host is not what `target_session_attrs` asks for.
    Unfit,
    /// PostgreSQL has refused, with this SQLSTATE.
    Refused(String),
    /// None of these: too few connections in our own pool, an answer that can't be read.
    Other,
}

impl Kind {
    fn of(error: &sqlx::Error) -> Kind {
        match error {
            sqlx::Error::Database(_) => Kind::Refused(code(error)),
            sqlx::Error::Tls(_) => Kind::Tls,
            sqlx::Error::Io(_) => Kind::Silent,
            _ => Kind::Other,
        }
    }

    /// Of several hosts, the one of which most is known is told first.
    fn weight(&self) -> u8 {
        match self {
            Kind::Refused(_) => 0,
            Kind::Unfit => 1,
            Kind::Tls => 2,
            Kind::Other => 3,
            Kind::Silent => 4,
        }
    }
}

impl Cause {
    /// Of a host, or of something of our own.
    pub(crate) fn at(host: &str, what: &str) -> Cause {
        Cause { text: format!("{host}: {what}"), kind: Kind::Other }
    }

    /// Of a host that answers, and is not what is asked for.
    pub(crate) fn unfit(host: &str, what: &str) -> Cause {
        Cause { kind: Kind::Unfit, ..Cause::at(host, what) }
    }

    /// Of a host that gave this answer, or none.
    pub(crate) fn answered(host: &str, error: &sqlx::Error) -> Cause {
        Cause { text: format!("{host}: {}", words(error)), kind: Kind::of(error) }
    }

    /// Of each host, where none of several can be used.
    pub(crate) fn of_all(causes: &[Cause]) -> Cause {
        let texts: Vec<&str> = causes.iter().map(|cause| cause.text.as_str()).collect();
        let kind = causes.iter().map(|cause| cause.kind.clone()).min_by_key(Kind::weight);
        Cause { text: texts.join("; "), kind: kind.unwrap_or(Kind::Other) }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether somebody else held a lock for too long.
    pub(crate) fn is_of_a_lock(&self) -> bool {
        matches!(&self.kind, Kind::Refused(code) if code == LOCK_NOT_AVAILABLE)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cause {}

/// The words of whoever refused. PostgreSQL's detail is left out: it may hold values.
pub(crate) fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(refused) => {
            let hint = refused.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::hint);
            let hint = hint.map(|hint| format!(". {hint}")).unwrap_or_default();
            format!("{}{hint} (SQLSTATE {})", refused.message(), refused.code().unwrap_or_default())
        }
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// The SQLSTATE, or nothing where PostgreSQL has not answered.
pub(crate) fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned()
}
