//! The Kafka log: append, consume, commit, describe.
//!
//! The only crate of the services that names rdkafka. What the others see are
//! plain values: records with their bytes, fates with their reasons, positions.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`Config`] | where the log is and what it has to be; every client starts from it |
//! | [`append`] | a whole request into the log, and for each record what became of it |
//! | `consume` | the consumer's own thread (poll, pause, rebalance, commit) |
//! | [`log`] | the topic itself: created, verified, identified, measured |
//! | [`Headers`] | a record's headers, copied out of librdkafka |
//! | `ffi` | the calls that rust-rdkafka does not wrap; the only unsafe code |
//!
//! What the crate does not know: what an event is, and what becomes of a record
//! after it was read. It judges nothing; it says what the broker said, and where
//! the broker did not say, it says *unknown*.

mod client_log;
mod config;
mod error;

pub use config::{Config, PartitionBy};
pub use error::BrokerError;

/// Largest record (key, value and headers together) that the log takes, in
/// bytes; the topic's `max.message.bytes` and the producer's limit follow it.
pub const MAX_RECORD_BYTES: usize = 2 * 1024 * 1024;
