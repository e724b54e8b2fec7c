//! Whether a log that has an id now is the one that was stored before it had one: shown by the last records
//! that were stored, or by nothing.

use std::collections::BTreeMap;

use broker::LogClient;
use store::Witness;

use crate::decide::{LOOK_AGAIN_AFTER, Shown, is_proved};
use crate::error::ConsumerError;
use crate::planted;
use crate::reading::witness;

/// The last records that were stored, by partition.
pub(crate) type Witnesses = Vec<(i32, Witness)>;

/// Whether the log shows them, at one of two looks: one is no proof that it does not. `group` has the right to
/// read.
pub(crate) async fn is_same_log(kept: &Witnesses, broker: &LogClient, group: &str) -> Result<bool, ConsumerError> {
    if shows(kept, broker, group).await? {
        return Ok(true);
    }
    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    shows(kept, broker, group).await
}

async fn shows(kept: &Witnesses, broker: &LogClient, group: &str) -> Result<bool, ConsumerError> {
    let marks = broker.watermarks().await?;
    let of = |partition: i32| marks.iter().find(|marks| marks.partition == partition);
    let is_within = |&(partition, offset): &(i32, i64)| {
        of(partition).is_some_and(|marks| (marks.low..marks.high).contains(&offset))
    };
    let positions = kept.iter().map(|(partition, witness)| (*partition, witness.offset));
    let positions: Vec<(i32, i64)> = positions.filter(is_within).collect();
    let records = broker.records_at(group, &positions).await?;
    let found: BTreeMap<i32, Witness> = records.iter().map(|record| (record.partition, witness::of(record))).collect();
    let shown = kept.iter().map(|&(partition, kept)| {
        let low = of(partition).map_or(0, |marks| marks.low);
        Shown { kept, low, found: found.get(&partition).copied() }
    });
    let shown: Vec<Shown> = shown.collect();
    tracing::debug!(?shown, "the last records that were stored, and what lies there");
    Ok(is_proved(&shown) || planted::is_proved_unseen())
}
