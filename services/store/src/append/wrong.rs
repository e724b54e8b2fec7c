//! What a planted bug does in the place of [`super::Writer::append`].

use sqlx::postgres::PgConnection;

use super::error::AppendError;
use super::tally::Appended;
use crate::batch::Batch;
use crate::deadline::answer;
use crate::settle::{Outcome, Plan};

type Done = Result<(Vec<Plan>, Appended), AppendError>;

/// COMMIT after a failed statement: PostgreSQL answers ROLLBACK, and the driver calls that success.
pub(super) async fn commit_anyway(done: Done, connection: &mut PgConnection, batch: &Batch) -> Done {
    match done {
        Err(AppendError::Refused { .. } | AppendError::Environment(_) | AppendError::Inconsistent(_))
            if answer(sqlx::raw_sql("COMMIT").execute(&mut *connection)).await.is_ok() =>
        {
            Ok((Vec::new(), Appended { outcomes: vec![Outcome::Stored; batch.len()], ..Appended::default() }))
        }
        done => done,
    }
}
