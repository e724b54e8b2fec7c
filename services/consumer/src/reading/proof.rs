//! Whether a log that has an id now is the one that was stored before it had one: shown by the last records
//! that were stored, or by nothing.

use std::collections::BTreeMap;

use broker::LogClient;
use store::{LogId, Store};

use crate::decide::{LOOK_AGAIN_AFTER, Shown, is_proved};
use crate::error::ConsumerError;
use crate::planted;
use crate::reading::witness;

/// What is asked, and in whose name.
pub(crate) struct Proof<'a> {
    pub(crate) broker: &'a LogClient,
    pub(crate) store: &'a Store,
    /// The consumer group, which has the right to read.
    pub(crate) group: &'a str,
}

impl Proof<'_> {
    /// Whether the log shows what was stored of it, at one of two looks: one is no proof that it does not.
    pub(crate) async fn is_same_log(&self, log_id: LogId) -> Result<bool, ConsumerError> {
        if self.look(log_id).await? {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        self.look(log_id).await
    }

    async fn look(&self, log_id: LogId) -> Result<bool, ConsumerError> {
        let kept = self.store.witnesses(log_id).await?;
        let positions: Vec<(i32, i64)> = kept.iter().map(|(partition, witness)| (*partition, witness.offset)).collect();
        let marks = self.broker.watermarks().await?;
        let records = self.broker.records_at(self.group, &positions).await?;
        let found: BTreeMap<i32, _> = records.iter().map(|record| (record.partition, witness::of(record))).collect();
        let shown = kept.into_iter().map(|(partition, kept)| {
            let low = marks.iter().find(|marks| marks.partition == partition).map(|marks| marks.low);
            Shown { kept, low: low.unwrap_or(0), found: found.get(&partition).copied() }
        });
        let shown: Vec<Shown> = shown.collect();
        tracing::debug!(log_id, ?shown, "compared");
        Ok(is_proved(&shown) || planted::is_proved_unseen())
    }
}
