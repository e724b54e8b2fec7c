//! What mends a database that can't be used, by what it said. Names no password.

use sqlx::postgres::PgConnectOptions;

use crate::StoreError;
use crate::schema::Schema;

/// Of a pooler that gives each transaction another session.
pub(super) const POOLER: &str = "connect to PostgreSQL itself, or set pool_mode=session in the pooler";

/// Of a URL that can't be read.
pub(super) fn of_url() -> String {
    "DATABASE_URL=postgres://user:password@host:port/database, with %XX for what a URL can't hold".to_owned()
}

/// Of a connection that was not made.
pub(super) fn of(error: &StoreError, options: &PgConnectOptions) -> String {
    let (host, port, user) = (options.get_host(), options.get_port(), options.get_username());
    let database = options.get_database().unwrap_or(user);
    let code = match error {
        StoreError::Pooler(_) => return POOLER.to_owned(),
        StoreError::Unavailable(cause) => cause.code(),
        _ => "",
    };
    match code {
        "28P01" => format!("correct DATABASE_PASSWORD, or set it: ALTER ROLE {user} PASSWORD '…'"),
        "28000" => format!("CREATE ROLE {user} LOGIN PASSWORD '…', or a line for it in pg_hba.conf"),
        "3D000" => create(database, user),
        "42501" => format!("GRANT CONNECT ON DATABASE {database} TO {user}"),
        "53300" => "raise max_connections of the server, or lower DATABASE_POOL_SIZE and CONSUMER_WRITERS".to_owned(),
        "" => of_silence(options),
        _ => format!("psql -h {host} -p {port} -U {user} -d {database}, until it connects"),
    }
}

/// Of a server that does not answer.
pub(super) fn of_silence(options: &PgConnectOptions) -> String {
    let (host, port) = (options.get_host(), options.get_port());
    format!("start the database, or correct host and port in DATABASE_URL: pg_isready -h {host} -p {port}")
}

/// Of a schema that can't be gone on with.
pub(super) fn of_schema(error: &StoreError) -> String {
    match error {
        StoreError::Elsewhere { found, .. } => format!("DATABASE_SCHEMA={found}"),
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
    let schema = schema.quoted();
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    )
}

/// The statement that creates a database as it must be.
pub(super) fn create(database: &str, owner: &str) -> String {
    format!("CREATE DATABASE {database} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0")
}
