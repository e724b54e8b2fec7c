//! What may stand behind the question mark.

use std::time::Duration;

use sqlx::postgres::PgSslMode;

use super::parts::{decoded, port};
use super::{AddressError, Wants};

pub(super) const NO_TLS: &str =
    "sslmode (or PGSSLMODE) demands TLS, which oncelog is built without: it may be disable, allow or prefer";

/// The parameters that are understood, read.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// In place of the URL's.
    pub(super) hosts: Option<Vec<String>>,
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
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return AddressError::new("one of the parameters behind ? is not name=value");
            };
            let name = decoded(name, "a parameter's name")?;
            let value = decoded(value, &name)?;
            parameters.take(&name, value)?;
        }
        Ok(parameters)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), AddressError> {
        match name {
            "host" | "hostaddr" => self.hosts = Some(value.split(',').map(str::to_owned).collect()),
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
            _ => return AddressError::new(not_understood(name)),
        }
        Ok(())
    }
}

fn ssl_mode(value: &str) -> Result<PgSslMode, AddressError> {
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

fn not_understood(name: &str) -> String {
    let instead = match name {
        "schema" | "currentSchema" | "search_path" => "set DATABASE_SCHEMA in its place",
        name if name == "options" || name.starts_with("options[") => {
            "set DATABASE_SCHEMA in place of search_path, and other settings by ALTER ROLE … SET"
        }
        name if name.starts_with("keepalives") || name.starts_with("tcp_") => "oncelog sets keepalives itself",
        "ssl" | "sslrootcert" | "sslcert" | "sslkey" => "oncelog is built without TLS",
        _ => "take it away",
    };
    format!(
        "the parameter {name} is not understood: {instead}; understood are host, hostaddr, port, user, password, \
         dbname, sslmode, target_session_attrs, connect_timeout, application_name, and client_encoding, gssencmode \
         and channel_binding with their defaults"
    )
}
