//! Where the database is: `DATABASE_URL`, read as libpq reads it, with several hosts.
//!
//! sqlx reads one host, ignores what it does not know, and logs its value. Here everything that is
//! not understood is an error that names it. No error shows a value: it may be part of a password.

mod environment;
mod error;
mod parameters;
mod parts;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

pub use error::AddressError;
pub(crate) use parameters::Wants;

use environment::Defaults;
use parameters::Parameters;
use parts::Parts;

/// What `DATABASE_URL` holds.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// At least one, in the order in which they are tried.
    pub(crate) hosts: Vec<Host>,
    pub(crate) wants: Wants,
    /// For each host.
    pub(crate) connect_within: Duration,
}

/// One server, with everything that a connection to it needs.
#[derive(Clone)]
pub(crate) struct Host {
    /// As an error names it: `host:port`, or a socket's directory.
    pub(crate) name: String,
    pub(crate) options: PgConnectOptions,
}

/// Without the options, which hold the password.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A host before it is known how to log in there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
}

/// Who logs in where: the URL's parameters stand above its other parts, as with libpq.
struct Login {
    user: String,
    password: Option<String>,
    database: Option<String>,
}

/// How long connecting to one host may take, unless `connect_timeout` says otherwise.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The same where there are others to try.
const CONNECT_WITHIN_OF_SEVERAL: Duration = Duration::from_secs(2);

impl Address {
    /// `password` wins over the one in the URL.
    pub(crate) fn parse(url: &str, password: Option<&str>) -> Result<Address, AddressError> {
        let parts = parts::split(url)?;
        let named = parts::hosts(parts.hosts)?;
        let parameters = Parameters::parse(parts.query)?;
        let defaults = Defaults::from_env()?;
        let places = places(named, &parameters, &defaults)?;
        let mut login = login(&parts, &parameters, &defaults)?;
        if let Some(password) = password {
            login.password = Some(password.to_owned());
        }
        let several = places.len() > 1;
        let mode = parameters.ssl_mode.or(defaults.ssl_mode).unwrap_or_default();
        let hosts = places.iter().map(|place| host(place, &login, mode)).collect::<Result<_, _>>()?;
        let by_number = if several { CONNECT_WITHIN_OF_SEVERAL } else { CONNECT_WITHIN };
        // Of several, one that only reads is of no use while another may take writes.
        let wants = parameters.wants.unwrap_or(if several { Wants::ReadWrite } else { Wants::Any });
        Ok(Address { hosts, wants, connect_within: parameters.connect_within.unwrap_or(by_number) })
    }
}

fn places(
    mut hosts: Vec<(String, Option<u16>)>,
    parameters: &Parameters,
    defaults: &Defaults,
) -> Result<Vec<Place>, AddressError> {
    // An address stands above the name that it is the address of, as with libpq.
    if let Some(named) = parameters.addresses.as_ref().or(parameters.hosts.as_ref()) {
        hosts = named.iter().map(|host| (host.clone(), None)).collect();
    }
    if hosts.iter().all(|(host, port)| host.is_empty() && port.is_none()) {
        hosts = defaults.hosts.iter().map(|host| (host.clone(), None)).collect();
    }
    let ports = &parameters.ports;
    if ports.len() > 1 && ports.len() != hosts.len() {
        return AddressError::new("port names as many ports as there are hosts, or one for all");
    }
    let port = |place: usize| ports.get(place).or(ports.first()).copied();
    let place = |(n, (host, own)): (usize, (String, Option<u16>))| Place {
        host: if host.is_empty() { defaults.hosts[0].clone() } else { host },
        port: port(n).or(own).unwrap_or(defaults.port),
    };
    Ok(hosts.into_iter().enumerate().map(place).collect())
}

fn login(parts: &Parts<'_>, parameters: &Parameters, defaults: &Defaults) -> Result<Login, AddressError> {
    let part = |text: &str, name: &str| (!text.is_empty()).then(|| parts::decoded(text, name)).transpose();
    let user = part(parts.user, "the user")?;
    let password = parts.password.map(|text| parts::decoded(text, "the password")).transpose()?;
    let database = part(parts.database, "the database's name")?;
    Ok(Login {
        user: parameters.user.clone().or(user).unwrap_or_else(|| defaults.user.clone()),
        // As with libpq: one that is empty is none.
        password: parameters
            .password
            .clone()
            .or(password)
            .filter(|password| !password.is_empty())
            .or_else(|| defaults.password.clone()),
        database: parameters.database.clone().or(database).or_else(|| defaults.database.clone()),
    })
}

/// sqlx looks into the password file only where it reads a URL itself: so it gets one, in which
/// nothing can be misread. With a password in it, that file is not read: what is wrong with a line of
/// it would be logged with the whole line.
fn host(place: &Place, login: &Login, mode: PgSslMode) -> Result<Host, AddressError> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let socket = place.host.starts_with('/').then(|| PathBuf::from(&place.host));
    let host = match &place.host {
        host if host.starts_with('/') => encode(host),
        host if host.contains(':') => format!("[{host}]"),
        host => host.clone(),
    };
    let database = encode(login.database.as_deref().unwrap_or_default());
    let password = login.password.as_deref().map(|password| format!(":{}", encode(password))).unwrap_or_default();
    let url = format!("postgres://{}{password}@{host}:{}/{database}", encode(&login.user), place.port);
    // Its error may show what it was given.
    let Ok(mut options) = PgConnectOptions::from_str(&url) else {
        return AddressError::new("a host's name is not one");
    };
    options = options.ssl_mode(mode);
    let name = match &socket {
        Some(path) => format!("{}/.s.PGSQL.{}", path.display(), place.port),
        None if place.host.contains(':') => format!("[{}]:{}", place.host, place.port),
        None => format!("{}:{}", place.host, place.port),
    };
    // PgBouncer knows extra_float_digits since 1.20 only, and nothing here is read as a float.
    Ok(Host { name, options: options.extra_float_digits(None) })
}

#[cfg(test)]
mod tests;
