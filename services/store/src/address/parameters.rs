//! What may stand behind the question mark.

use std::time::Duration;

use sqlx::postgres::PgSslMode;

use super::error::AddressError;
use super::parts::{decoded, port};

pub(super) const NO_TLS: &str =
    "sslmode (or PGSSLMODE) demands TLS, which oncelog is built without: it may be disable, allow or prefer";

/// Which servers are taken: `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Whichever answers.
    Any,
    /// One that takes writes now.
    ReadWrite,
    /// One that is not a standby.
    Primary,
}

/// The parameters that are understood, read. Not to be printed: the password may be among them.
#[derive(Default)]
pub(super) struct Parameters {
    /// In place of the URL's.
    pub(super) hosts: Option<Vec<String>>,
    pub(super) addresses: Option<Vec<String>>,
    pub(super) ports: Vec<u16>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    pub(super) ssl_mode: Option<PgSslMode>,
    pub(super) wants: Option<Wants>,
    pub(super) connect_within: Option<Duration>,
}

impl Parameters {
    pub(super) fn parse(query: &str) -> Result<Parameters, AddressError> {
        let mut parameters = Parameters::default();
        for (n, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            let nth = format!("parameter {} behind ?", n + 1);
            let Some((name, value)) = pair.split_once('=') else {
                return AddressError::new(format!("{nth} is not name=value"));
            };
            let (name, value) = (decoded(name, &nth)?, decoded(value, &nth)?);
            parameters.take(&name, value, &nth)?;
        }
        Ok(parameters)
    }

    fn take(&mut self, name: &str, value: String, nth: &str) -> Result<(), AddressError> {
        match name {
            "host" => self.hosts = Some(value.split(',').map(str::to_owned).collect()),
            "hostaddr" => self.addresses = Some(value.split(',').map(str::to_owned).collect()),
            "port" => {
                let ports = value.split(',').enumerate().map(|(n, digits)| port(digits, n + 1));
                self.ports = ports.collect::<Result<_, _>>()?;
            }
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value),
            "sslmode" => self.ssl_mode = Some(ssl_mode(&value)?),
            "target_session_attrs" => self.wants = Some(wants(&value)?),
            "connect_timeout" => self.connect_within = Some(connect_within(&value)?),
            // Each process names its connections by what they are for.
            "application_name" | "fallback_application_name" => {}
            "client_encoding" if matches!(value.to_ascii_lowercase().as_str(), "utf8" | "utf-8" | "auto") => {}
            "gssencmode" | "channel_binding" if matches!(value.as_str(), "disable" | "prefer") => {}
            _ => return AddressError::new(not_understood(name, nth)),
        }
        Ok(())
    }
}

pub(super) fn ssl_mode(value: &str) -> Result<PgSslMode, AddressError> {
    match value {
        "disable" => Ok(PgSslMode::Disable),
        "allow" => Ok(PgSslMode::Allow),
        "prefer" => Ok(PgSslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => AddressError::new(NO_TLS),
        _ => AddressError::new("sslmode may be disable, allow or prefer"),
    }
}

fn wants(value: &str) -> Result<Wants, AddressError> {
    match value {
        "any" => Ok(Wants::Any),
        "read-write" => Ok(Wants::ReadWrite),
        "primary" => Ok(Wants::Primary),
        _ => AddressError::new(
            "target_session_attrs may be read-write, primary or any: oncelog writes, so read-only, standby and \
             prefer-standby are of no use to it",
        ),
    }
}

fn connect_within(value: &str) -> Result<Duration, AddressError> {
    match value.parse() {
        Ok(seconds @ 1..=60) => Ok(Duration::from_secs(seconds)),
        _ => AddressError::new("connect_timeout is a number of seconds from 1 to 60"),
    }
}

/// A name is shown only if it is one that other clients know: any other may be part of a password.
fn not_understood(name: &str, nth: &str) -> String {
    let known = |instead| (format!("the parameter {name}"), instead);
    let (which, instead) = match name {
        "schema" | "currentSchema" | "search_path" => known("set DATABASE_SCHEMA in its place"),
        "options" | "options[search_path]" => {
            known("set DATABASE_SCHEMA in place of search_path, and other settings by ALTER ROLE … SET")
        }
        "keepalives" | "keepalives_idle" | "keepalives_interval" | "keepalives_count" | "tcp_user_timeout" => {
            known("oncelog sets keepalives itself")
        }
        "ssl" | "sslcert" | "sslkey" | "sslpassword" | "sslrootcert" | "sslcrl" | "sslnegotiation" => {
            known("oncelog is built without TLS")
        }
        "pgbouncer"
        | "connection_limit"
        | "pool_timeout"
        | "statement_cache_mode"
        | "prepareThreshold"
        | "statement-cache-capacity"
        | "load_balance_hosts"
        | "passfile"
        | "service"
        | "client_encoding"
        | "gssencmode"
        | "channel_binding" => known("take it away"),
        _ => (nth.to_owned(), "take it away, or percent-encode what it is part of (? is %3F, & is %26)"),
    };
    format!(
        "{which} is not understood: {instead}; understood are host, hostaddr, port, user, password, dbname, sslmode, \
         target_session_attrs, connect_timeout, application_name, and client_encoding, gssencmode and \
         channel_binding with their defaults"
    )
}
