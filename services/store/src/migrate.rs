//! The schema, brought up to date by whoever comes first.

use crate::{Store, StoreError};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

impl Store {
    /// Applies what is missing. Safe by many processes at once: they take turns on an advisory lock.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(self.pool()).await?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding(encoding));
        }
        MIGRATOR.run(self.pool()).await?;
        Ok(())
    }
}
