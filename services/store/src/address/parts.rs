//! A URL's parts. The standard's URLs have one host, so it is taken apart here.

use percent_encoding::percent_decode_str;

use super::error::AddressError;

/// As written, but for what stands between them. Not to be printed: the password is among them.
pub(super) struct Parts<'a> {
    pub(super) user: &'a str,
    pub(super) password: Option<&'a str>,
    pub(super) hosts: &'a str,
    pub(super) database: &'a str,
    pub(super) query: &'a str,
}

pub(super) fn split(url: &str) -> Result<Parts<'_>, AddressError> {
    let url = url.trim();
    if url.is_empty() {
        return AddressError::new("it is empty");
    }
    let rest = without_scheme(url)?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // An @ where none belongs: it ends a password that holds / or ?.
    let mut names = query.split('&').filter_map(|pair| pair.split('=').next());
    let in_query = if authority.contains('@') { query.contains('@') } else { names.any(|name| name.contains('@')) };
    if rest.contains('#') || path.contains('@') || in_query {
        return AddressError::new(
            "a character of it must be percent-encoded: in the user, the password and the database's name / is %2F, \
             # is %23, ? is %3F, @ is %40, % is %25; or set DATABASE_PASSWORD, which is taken as it is",
        );
    }
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    Ok(Parts { user, password, hosts, database: path.trim_start_matches('/'), query })
}

fn without_scheme(url: &str) -> Result<&str, AddressError> {
    let Some((scheme, rest)) = url.split_once("://") else {
        let text = if url.contains('=') {
            "it is a list of name=value, and must be a URL"
        } else {
            "it has no scheme: it begins with postgres:// or postgresql://"
        };
        return AddressError::new(text);
    };
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "postgres" | "postgresql" => Ok(rest),
        "jdbc:postgresql" | "jdbc:postgres" => AddressError::new(
            "jdbc: is Java's form: take jdbc: away, and put user and password before the host, or leave them as \
             parameters (?user=…&password=…)",
        ),
        _ if scheme.starts_with("postgres") && scheme.contains('+') => AddressError::new(
            "the name of a driver behind the scheme (postgresql+driver://) is Python's form: take it away",
        ),
        // Whatever it is, it is no secret where it is made of a scheme's characters.
        _ if scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | ':')) => {
            AddressError::new(format!("{scheme}:// is no scheme of PostgreSQL: it is postgres:// or postgresql://"))
        }
        _ => AddressError::new("it does not begin with postgres:// or postgresql://"),
    }
}

/// `(host, port)`, separated by commas; an empty host is the default one.
pub(super) fn hosts(text: &str) -> Result<Vec<(String, Option<u16>)>, AddressError> {
    text.split(',').enumerate().map(|(n, one)| host(one, n + 1)).collect()
}

fn host(text: &str, nth: usize) -> Result<(String, Option<u16>), AddressError> {
    let (host, after) = match text.strip_prefix('[').map(|inner| inner.split_once(']')) {
        Some(Some((address, after))) => (address, after),
        Some(None) => return AddressError::new(format!("host {nth} has [ without ]")),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match after.strip_prefix(':') {
        // As with libpq: a colon alone is the default.
        Some("") => None,
        Some(digits) => Some(port(digits, nth)?),
        None if after.is_empty() => None,
        None => return AddressError::new(format!("behind ] of host {nth} stands neither : nor ,")),
    };
    let host = decoded(host, "a host")?;
    if host.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#' | '%')) {
        return AddressError::new(format!("host {nth} has a character that no name has"));
    }
    Ok((host, port))
}

pub(super) fn port(digits: &str, nth: usize) -> Result<u16, AddressError> {
    match digits.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => AddressError::new(format!("the port of host {nth} is no number from 1 to 65535")),
    }
}

/// Percent-encoding undone.
pub(super) fn decoded(text: &str, what: &str) -> Result<String, AddressError> {
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => AddressError::new(format!("{what} is not UTF-8, or contains %00")),
    }
}
