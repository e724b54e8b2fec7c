//! What each failure allows the caller to do.

use sqlx::migrate::MigrateError;

/// A read, a migration or a connection failed. Nothing was changed unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Correct the setting; trying again won't help.
    #[error("DATABASE_URL can't be used: {0}")]
    Url(#[source] sqlx::Error),
    /// Try again with backoff: the database is down, full, or busy.
    #[error("the database can't be used now: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Run `oncelog migrate` of this version, or look at what it says.
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(#[source] MigrateError),
    /// Create the database anew with `ENCODING 'UTF8'`.
    #[error("the database's encoding is {0}; oncelog needs UTF8: CREATE DATABASE … ENCODING 'UTF8'")]
    Encoding(String),
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
}

impl From<MigrateError> for StoreError {
    /// What passes by itself is no fault of the schema.
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) if may_pass(&cause) => {
                StoreError::Unavailable(cause)
            }
            other => StoreError::Migrate(other),
        }
    }
}

/// No answer, or one that speaks of the server's state: connections, resources, a shutdown, locks.
fn may_pass(error: &sqlx::Error) -> bool {
    error.as_database_error().is_none_or(|database| {
        let code = database.code().unwrap_or_default();
        matches!(&*code, "55P03" | "40001" | "40P01") || matches!(code.get(..2), Some("08" | "53" | "57"))
    })
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Unavailable(error)
    }
}
