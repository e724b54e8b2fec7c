//! librdkafka's own log lines and errors, into ours.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// How long a warning of one facility keeps the next ones of it quiet. Without a broker, librdkafka
/// has one for every attempt to connect.
const QUIET: Duration = Duration::from_secs(30);
/// Facilities that are kept apart: librdkafka knows a few dozen.
static WARNED: Mutex<Option<HashMap<String, Instant>>> = Mutex::new(None);

/// One log line. A lost connection is an error to librdkafka, which mends it by
/// itself; to us it is a warning, since errors are what somebody has to act on. The
/// warnings of one facility are one story: one in 30 s is shown, the others at level debug.
pub(crate) fn line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as L;
    match level {
        L::Emerg | L::Alert | L::Critical => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        L::Error | L::Warning if is_due(facility) => tracing::warn!(target: "librdkafka", facility, "{message}"),
        L::Error | L::Warning => tracing::debug!(target: "librdkafka", facility, "{message}"),
        L::Notice | L::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
        L::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

fn is_due(facility: &str) -> bool {
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    let last = warned.get_or_insert_default();
    let now = Instant::now();
    if last.get(facility).is_some_and(|at| now.duration_since(*at) < QUIET) {
        return false;
    }
    last.insert(facility.to_owned(), now);
    true
}

/// One error event: the same story as the log lines beside it, so quieter.
pub(crate) fn error(error: &KafkaError, reason: &str) {
    tracing::debug!(target: "librdkafka", %error, "{reason}");
}
