//! librdkafka's own log lines and errors, into ours.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

/// One log line. A lost connection is an error to librdkafka, which mends it by
/// itself; to us it is a warning, since errors are what somebody has to act on.
pub(crate) fn line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as L;
    match level {
        L::Emerg | L::Alert | L::Critical => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        L::Error | L::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
        L::Notice | L::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
        L::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

/// One error event: the same story as the log lines beside it, so quieter.
pub(crate) fn error(error: &KafkaError, reason: &str) {
    tracing::debug!(target: "librdkafka", %error, "{reason}");
}
