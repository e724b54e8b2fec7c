//! What the crate is told.

use std::fmt;

use crate::address::{Address, AddressError};
use crate::schema::Schema;

/// How to reach the database.
#[derive(Clone)]
pub struct Config {
    /// `DATABASE_URL`: `postgres://user:password@host:port/database`.
    pub url: String,
    /// `DATABASE_PASSWORD`: wins over the one in the URL.
    pub password: Option<String>,
    /// `DATABASE_SCHEMA`: where the tables are.
    pub schema: Schema,
    /// `DATABASE_POOL_SIZE`: connections for reads, at most.
    pub pool_size: u32,
}

impl Config {
    /// Whether the URL can be used.
    ///
    /// # Errors
    /// What is wrong with it, without a value of it.
    pub fn check(&self) -> Result<(), AddressError> {
        Address::parse(&self.url, self.password.as_deref()).map(drop)
    }
}

/// Without the URL and the password, which are secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("schema", &self.schema)
            .field("pool_size", &self.pool_size)
            .finish_non_exhaustive()
    }
}
