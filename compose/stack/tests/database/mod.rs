//! The database of a stack, asked over a connection of its own: no client program is needed.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

/// How long a paused server is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a statement or several, and returns the first value of the first row as text; empty without a row.
pub(crate) fn ask(url: &str, statement: &'static str) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = async {
        let mut connection = PgConnection::connect(url).await?;
        let row = sqlx::raw_sql(statement).fetch_optional(&mut connection).await?;
        row.map_or_else(|| Ok(String::new()), |row| row.try_get_unchecked::<String, _>(0))
    };
    let in_time = runtime.block_on(async { timeout(PATIENCE, answer).await });
    in_time.map_err(|_| "no answer".to_owned())?.map_err(|error: sqlx::Error| error.to_string())
}
