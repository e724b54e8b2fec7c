//! What an api suspects of the log. The consumer is told by `progress`, and finds out.

use crate::{LogId, Store, StoreError};

impl Store {
    /// Notes that a record was appended at `offset`, although all below `next_offset` was stored before it: the
    /// log may have lost its end. Of several offsets the lowest stays noted, and none that is not below.
    ///
    /// One row at a time: writers lock several, in their own order.
    pub async fn suspect(&self, log_id: LogId, partition: i32, offset: i64) -> Result<(), StoreError> {
        // Index: the primary key of progress.
        let query = sqlx::query(
            "UPDATE progress
                SET suspected_offset = $3
              WHERE log_id = $1 AND partition = $2 AND next_offset > $3
                AND (suspected_offset IS NULL OR suspected_offset > $3)",
        )
        .bind(log_id)
        .bind(partition)
        .bind(offset);
        self.write(query).await
    }
}
