//! In the place of [`crate::verdicts::VerdictReader::verdicts`].

use sqlx::postgres::PgConnection;

use crate::error::StoreError;
use crate::logs::LogId;
use crate::verdicts::verdict::{AppendedRecord, Verdict, of_row};

/// By the position alone: where a log was cut and filled anew, it is another record's.
pub(crate) async fn by_position(
    connection: &mut PgConnection,
    log_id: LogId,
    records: &[&AppendedRecord],
) -> Result<Vec<Verdict>, StoreError> {
    let rows = sqlx::query(
        r#"SELECT CASE
                    WHEN EXISTS (SELECT FROM events e
                                  WHERE (e.log_id, e.partition, e."offset") = ($1, a.partition, a."offset"))
                         THEN 'stored'
                    WHEN EXISTS (SELECT FROM conflicts c
                                  WHERE (c.log_id, c.partition, c."offset") = ($1, a.partition, a."offset"))
                         THEN 'conflict'
                    WHEN EXISTS (SELECT FROM dead_letters d
                                  WHERE (d.log_id, d.partition, d."offset") = ($1, a.partition, a."offset"))
                         THEN 'dead_letter'
                    ELSE 'duplicate'
                  END
             FROM unnest($2::int4[], $3::int8[]) WITH ORDINALITY AS a(partition, "offset", place)
            ORDER BY a.place"#,
    )
    .bind(log_id)
    .bind(records.iter().map(|a| a.partition).collect::<Vec<_>>())
    .bind(records.iter().map(|a| a.offset).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.iter().map(of_row).collect()
}
