//! Within the one transaction, and at its end.

use planted::{Bug, on};
use sqlx::postgres::PgConnection;

use crate::append::error::AppendError;
use crate::append::tally::Appended;
use crate::batch::Batch;
use crate::deadline::answer;
use crate::dedup::{Disposition, Outcome};

/// [`Bug::CountersApart`]: the rows are committed before the counters.
pub(crate) async fn commit_the_rows(connection: &mut PgConnection) -> Result<(), AppendError> {
    if on(Bug::CountersApart) {
        let query = sqlx::raw_sql("COMMIT; BEGIN").execute(connection);
        answer(query).await.map_err(AppendError::before_commit)?;
    }
    Ok(())
}

/// [`Bug::FailedTransactionCommitted`]: COMMIT after a failed statement. PostgreSQL answers ROLLBACK, and the
/// driver calls that success.
pub(crate) async fn commit_anyway(
    done: Result<(Vec<Disposition>, Appended), AppendError>,
    connection: &mut PgConnection,
    batch: &Batch,
) -> Result<(Vec<Disposition>, Appended), AppendError> {
    match done {
        Err(AppendError::Refused { .. } | AppendError::Environment(_) | AppendError::Inconsistent(_))
            if on(Bug::FailedTransactionCommitted)
                && answer(sqlx::raw_sql("COMMIT").execute(&mut *connection)).await.is_ok() =>
        {
            Ok((Vec::new(), Appended { outcomes: vec![Outcome::Stored; batch.len()], ..Appended::default() }))
        }
        done => done,
    }
}
