//! The Kafka log: append, consume, commit, describe.
//!
//! The only crate of the services that names rdkafka. What the others see are
//! plain values: records with their bytes, delivery outcomes with their reasons, positions.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`Config`] | where the log is and what it has to be; every client starts from it |
//! | [`append`] | a whole request into the log, and for each record what became of it |
//! | `consume` | the consumer's own thread (poll, pause, rebalance, commit) |
//! | [`log`] | the topic itself: created, verified, identified, measured |
//! | [`stall`] | which partitions stand still although the log holds more of them (pure) |
//! | [`Headers`] | a record's headers, copied out of librdkafka |
//! | `ffi` | the calls that rust-rdkafka does not wrap; the only unsafe code |
//!
//! What the crate does not know: what an event is, and what becomes of a record
//! after it was read. It judges nothing; it says what the broker said, and where
//! the broker did not say, it says *unknown*.

pub mod append;
mod client_log;
mod config;
pub mod consume;
mod error;
mod failure;
mod ffi;
mod headers;
pub mod log;
mod planted;
mod record;
pub mod stall;
#[cfg(test)]
mod tests;

pub use append::{Appender, DeliveryOutcome, NewRecord, Queued, Refused, partition_of};
pub use config::{Config, SetBy, knows_property, set_by};
pub use error::BrokerError;
pub use headers::Headers;
pub use log::Watermarks;
pub use log::{Cluster, Ends, Finding, GroupState, Inspected, Level, LogClient, Operation, Rights, TopicReport};

/// Largest message (a record with its batch's framing) that the topic takes, in
/// bytes: `max.message.bytes` of the topic, `message.max.bytes` of the producer.
/// Kafka's and librdkafka's defaults would refuse an event of 1 MiB.
pub const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// Largest record (key, value and headers) that is handed over, in bytes; the
/// rest is for the framing of record and batch.
pub const MAX_RECORD_BYTES: usize = MAX_MESSAGE_BYTES - 4096;
