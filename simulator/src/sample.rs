//! What is noted of a run: its marks, and what was seen at a moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::server::Stats;

/// Something that happened at a moment, for instance a fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// Seconds since the run began.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub at: Duration,
    /// What happened.
    pub what: String,
}

/// What was seen at a moment.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Since the run began.
    pub at: Duration,
    /// Copies of events sent at least once.
    pub sent: u64,
    /// Copies of events acknowledged.
    pub acknowledged: u64,
    /// The server's counters, if it answered.
    pub stats: Option<Stats>,
    /// Resident bytes of the watched processes that were there.
    pub memory: BTreeMap<String, u64>,
}

pub(crate) fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1_000.0).round() / 1_000.0)
}

/// What is noted stays right, whoever panicked meanwhile.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
