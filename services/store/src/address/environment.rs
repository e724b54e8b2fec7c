//! What stands in for a part that the URL does not have: libpq's variables. One that is set to nothing is not set.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::error::AddressError;
use super::parameters::{NO_TLS, ssl_mode};

/// Not to be printed: the password is among them.
pub(super) struct Defaults {
    /// At least one.
    pub(super) hosts: Vec<String>,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    pub(super) ssl_mode: Option<PgSslMode>,
}

impl Defaults {
    pub(super) fn from_env() -> Result<Defaults, AddressError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    pub(super) fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Defaults, AddressError> {
        let value = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        if value("PGOPTIONS").is_some() {
            return AddressError::new(
                "the variable PGOPTIONS is not understood: unset it; set DATABASE_SCHEMA in place of search_path, and \
                 other settings by ALTER ROLE … SET",
            );
        }
        let port = match value("PGPORT").map(|digits| digits.trim().parse()) {
            None => 5432,
            Some(Ok(port @ 1..)) => port,
            Some(_) => return AddressError::new("the variable PGPORT is no number from 1 to 65535"),
        };
        let mode = value("PGSSLMODE").map(|mode| match ssl_mode(mode.trim()) {
            Err(fault) if fault.0 != NO_TLS => {
                AddressError::new("the variable PGSSLMODE may be disable, allow or prefer")
            }
            mode => mode,
        });
        // The system's: a socket's directory, if there is one, and the user's name.
        let usual = PgConnectOptions::new_without_pgpass();
        let or = |own: &str, last: &str| if own.trim().is_empty() { last.to_owned() } else { own.to_owned() };
        let host = value("PGHOSTADDR").or_else(|| value("PGHOST")).unwrap_or_else(|| or(usual.get_host(), "localhost"));
        Ok(Defaults {
            hosts: host.split(',').map(|host| host.trim().to_owned()).collect(),
            port,
            user: value("PGUSER").unwrap_or_else(|| or(usual.get_username(), "oncelog")),
            password: value("PGPASSWORD"),
            database: value("PGDATABASE"),
            ssl_mode: mode.transpose()?,
        })
    }
}
