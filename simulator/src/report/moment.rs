//! A run over time, for plots and programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::sample::{Sample, as_seconds};

/// One moment of a run. All counts are since the run began; those of the server are
/// absent where it did not answer.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// Seconds since the run began.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub at: Duration,
    /// Copies of events sent at least once.
    pub sent: u64,
    /// Copies of events acknowledged.
    pub acknowledged: u64,
    /// What the server's counters say.
    #[serde(flatten)]
    pub counted: Option<Counted>,
    /// Resident bytes of each process watched.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub memory: BTreeMap<String, u64>,
}

/// The server's counters, less what they were before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Rows made.
    pub stored: i64,
    /// Records that made none, since their id and payload were there.
    pub duplicates: i64,
    /// Records that made none, since their id was there with another payload.
    pub conflicts: i64,
    /// Records that cannot be stored.
    pub dead_letters: i64,
    /// Records read again.
    pub redelivered: i64,
    /// Records in the log that are not stored yet, if the server knows.
    pub lag: Option<i64>,
}

/// A run's samples, counted from the first one that the server answered.
pub(super) fn moments(samples: &[Sample]) -> Vec<Moment> {
    let before = samples.iter().find_map(|sample| sample.stats).unwrap_or_default();
    let counted = |sample: &Sample| {
        let now = sample.stats?;
        let conflicts = now.conflicts - before.conflicts;
        Some(Counted {
            stored: now.unique_processed - before.unique_processed,
            duplicates: now.duplicate_dropped - before.duplicate_dropped - conflicts,
            conflicts,
            dead_letters: now.dead_letters - before.dead_letters,
            redelivered: now.redelivered - before.redelivered,
            lag: now.pending,
        })
    };
    let moment = |sample: &Sample| Moment {
        at: sample.at,
        sent: sample.sent,
        acknowledged: sample.acknowledged,
        counted: counted(sample),
        memory: sample.memory.clone(),
    };
    samples.iter().map(moment).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::server::Stats;

    #[test]
    fn counts_begin_with_the_run_and_a_silent_server_leaves_a_gap() {
        let before = Stats { unique_processed: 50, duplicate_dropped: 9, conflicts: 4, ..Stats::default() };
        let after =
            Stats { unique_processed: 57, duplicate_dropped: 14, conflicts: 5, pending: Some(3), ..Stats::default() };
        let sample = |seconds, stats| Sample {
            at: Duration::from_millis(seconds),
            sent: 20,
            acknowledged: 10,
            stats,
            memory: BTreeMap::new(),
        };

        let moments = moments(&[sample(0, Some(before)), sample(200, None), sample(1400, Some(after))]);
        let json = serde_json::to_value(&moments).unwrap();

        assert_eq!(json[1], serde_json::json!({"seconds": 0.2, "sent": 20, "acknowledged": 10}));
        assert_eq!(
            json[2],
            serde_json::json!({"seconds": 1.4, "sent": 20, "acknowledged": 10, "stored": 7, "duplicates": 4,
                "conflicts": 1, "dead_letters": 0, "redelivered": 0, "lag": 3})
        );
    }
}
