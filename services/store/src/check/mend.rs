//! What mends a database that can't be used, by what it said. Names no password.

use sqlx::postgres::PgConnectOptions;

use crate::error::{Kind, StoreError};
use crate::schema::{Schema, quoted};

/// Of a pooler that gives each transaction another session.
pub(super) const POOLER: &str = "connect to PostgreSQL itself, or set pool_mode=session in the pooler";

/// Of a URL that can't be read.
pub(super) fn of_url() -> String {
    "DATABASE_URL=postgres://user:password@host:port/database, with %XX for what a URL can't hold".to_owned()
}

/// Of a connection that was not made to any of these hosts.
pub(super) fn of(error: &StoreError, hosts: &[&PgConnectOptions]) -> String {
    let kind = match error {
        StoreError::Pooler(_) => return POOLER.to_owned(),
        StoreError::Unavailable(cause) => cause.kind(),
        _ => &Kind::Other,
    };
    match kind {
        Kind::Refused(code) => of_refusal(code, hosts),
        Kind::Tls => "correct sslmode in DATABASE_URL".to_owned(),
        Kind::Unfit => "name the primary in DATABASE_URL, or set target_session_attrs=any in it".to_owned(),
        Kind::Silent => of_silence(hosts),
        Kind::Other => of_psql(hosts),
    }
}

fn of_refusal(code: &str, hosts: &[&PgConnectOptions]) -> String {
    let Some(first) = hosts.first() else { return of_url() };
    let (user, database) = (name(first.get_username()), name(database(first)));
    match code {
        "28P01" => format!("correct DATABASE_PASSWORD, or set it: ALTER ROLE {user} PASSWORD '…'"),
        "28000" => format!("CREATE ROLE {user} LOGIN PASSWORD '…', or a line for it in pg_hba.conf"),
        "3D000" => create(&database, &user),
        "42501" => format!("GRANT CONNECT ON DATABASE {database} TO {user}"),
        "53300" => "raise max_connections of the server, or lower DATABASE_POOL_SIZE and CONSUMER_WRITERS".to_owned(),
        _ => of_psql(hosts),
    }
}

fn of_psql(hosts: &[&PgConnectOptions]) -> String {
    let psql = |host: &PgConnectOptions| {
        let (user, database) = (host.get_username(), database(host));
        format!("psql -h {} -p {} -U {user} -d {database}", host.get_host(), host.get_port())
    };
    format!("{}, until it connects", any(hosts, psql))
}

/// Of servers that don't answer.
pub(super) fn of_silence(hosts: &[&PgConnectOptions]) -> String {
    let ask = any(hosts, |host| format!("pg_isready -h {} -p {}", host.get_host(), host.get_port()));
    format!("start the database, or correct host and port in DATABASE_URL: {ask}")
}

fn any(hosts: &[&PgConnectOptions], command: impl Fn(&PgConnectOptions) -> String) -> String {
    hosts.iter().map(|host| command(host)).collect::<Vec<_>>().join(" || ")
}

/// PostgreSQL's default is the role's name.
fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or(options.get_username())
}

/// A name as a statement has it: quoted where it has to be.
pub(super) fn name(name: &str) -> String {
    // Of the words that SQL keeps for itself, those that somebody may call a role or a database.
    const RESERVED: [&str; 8] = ["all", "default", "end", "group", "order", "primary", "table", "user"];
    let is_plain = |byte: u8| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let plain = name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit());
    if plain && !name.is_empty() && !RESERVED.contains(&name) {
        return name.to_owned();
    }
    quoted(name)
}

/// Of a schema that can't be gone on with.
pub(super) fn of_schema(error: &StoreError) -> String {
    match error {
        StoreError::Elsewhere { found, .. } => format!("DATABASE_SCHEMA={}", found.join(" or DATABASE_SCHEMA=")),
        StoreError::AnotherProgram(_) => "DATABASE_SCHEMA=oncelog, or a database of oncelog's own".to_owned(),
        StoreError::NewerSchema { .. } => {
            "run the version of oncelog that has made this schema, or a newer one".to_owned()
        }
        StoreError::MissingRight { role, schema, .. } => grant(schema, role),
        _ => "run the version of oncelog that has made this schema, or restore a backup of before it".to_owned(),
    }
}

/// The statement that lets a role work with the tables.
pub(super) fn grant(schema: &Schema, role: &str) -> String {
    let (schema, role) = (schema.quoted(), name(role));
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    )
}

/// The statement that creates a database as it must be, by names that are quoted where they have to be.
pub(super) fn create(database: &str, owner: &str) -> String {
    format!("CREATE DATABASE {database} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    fn host(name: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().host(name).port(5432).username("my-app").database("events")
    }

    fn fix(cause: Cause) -> String {
        of(&StoreError::Unavailable(cause), &[&host("a"), &host("b")])
    }

    #[test]
    fn each_kind_of_reason_is_mended_by_something_else() {
        let io = || sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        let silent = Cause::answered("a", &io());
        assert!(fix(silent.clone()).ends_with("pg_isready -h a -p 5432 || pg_isready -h b -p 5432"));
        let tls = Cause::answered("a", &sqlx::Error::Tls("the server does not support TLS".into()));
        assert!(fix(tls).contains("sslmode in DATABASE_URL"));
        let standby = Cause::unfit("b", "a standby");
        assert!(fix(Cause::of_all(&[silent, standby])).contains("target_session_attrs=any"));
        let odd = Cause::answered("a", &sqlx::Error::Protocol("unexpected message".into()));
        assert!(fix(odd).starts_with("psql -h a -p 5432 -U my-app -d events || psql -h b"));
    }

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        for (plain, shown) in [
            ("oncelog", "oncelog"),
            ("_a1", "_a1"),
            ("my-app", "\"my-app\""),
            ("App", "\"App\""),
            ("1a", "\"1a\""),
            ("user", "\"user\""),
            ("a\"b", "\"a\"\"b\""),
        ] {
            assert_eq!(name(plain), shown);
        }
        assert_eq!(of_refusal("28P01", &[&host("a")]).split(": ").last(), Some("ALTER ROLE \"my-app\" PASSWORD '…'"));
        assert!(grant(&Schema::default(), "my-app").ends_with("TO \"my-app\""));
    }
}
