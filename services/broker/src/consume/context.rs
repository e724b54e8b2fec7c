//! What librdkafka says by the way.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::client_log;

/// Passes log lines and errors on to our log. It hears of no rebalance and no commit: their events are
/// taken from the queue by [`Events`](crate::ffi::Events).
pub(crate) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::error(&error, reason);
    }
}

impl ConsumerContext for Context {}
