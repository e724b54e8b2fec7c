//! The schema, brought up to date by whoever comes first.

use planted::Bug;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::{Store, StoreError};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

impl Store {
    /// Applies what is missing. Safe by many processes at once: they take turns on an advisory lock.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(self.pool()).await?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding(encoding));
        }
        // Waiting for others, or rewriting a table, may take as long as it takes.
        let patient = [("lock_timeout", "0"), ("statement_timeout", "0")];
        let options = PgConnectOptions::clone(&self.pool().connect_options()).options(patient);
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
        let done = MIGRATOR.run(&pool).await;
        pool.close().await;
        done?;
        if planted::on(Bug::FenceSkipped) || planted::on(Bug::RedeliveredAsDuplicate) {
            // It would refuse what these bugs do, before anybody could see the harm.
            sqlx::query("ALTER TABLE progress DROP CONSTRAINT IF EXISTS no_count_is_below_zero")
                .execute(self.pool())
                .await?;
        }
        Ok(())
    }
}
