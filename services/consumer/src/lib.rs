//! From the Kafka log into PostgreSQL, each record once.
//!
//! ```text
//!  poll thread (broker) ──notices──▶ route ──▶ inbox ──▶ intake ──▶ batch ──▶ store ──▶ commit
//!                                                ▲          │                    │
//!                                                └──────────┴── start ◀──────────┘
//! ```
//!
//! | file | stage |
//! | --- | --- |
//! | [`decide`] | **every decision**: where to start, gaps, fence misses, failures (pure) |
//! | [`route`] | each partition to its writer |
//! | [`inbox`] | what waits for a writer |
//! | [`intake`] | one partition's records, checked for gaps and put into slices (pure) |
//! | [`batch`] | slices of several partitions into one transaction, with their bytes |
//! | [`taking`] | what has arrived, put into a batch |
//! | [`writer`] | one writer's loop: starts, batches, stores, commits |
//! | [`start`] | what the database and the broker say, fetched for [`decide`] |
//! | [`store`](storing) | one batch until it is stored: retries, halves, dead letters |
//! | [`together`] | small batches of several writers in one transaction |
//! | [`commits`] | which offsets the group is to be told, and when (pure) |
//! | [`status`] | what is known about broker, database and topic, said once |
//! | [`watch`] | whether the Kafka topic is still the same log |
//! | [`repeats`] | a line per duplicate, within reason |
//!
//! Batching without waiting: while one transaction runs, what arrives piles up, and the next one
//! takes it all. Idle means at once, busy means large.

pub mod batch;
pub mod commits;
pub mod decide;
pub mod inbox;
pub mod intake;
mod repeats;
mod route;
mod run;
mod start;
mod status;
mod storing;
mod taking;
pub mod together;
mod watch;
mod writer;

use std::time::Duration;

pub use run::{ConsumerError, run};
pub use status::{Part, Status};

/// What to do when the log was trimmed before it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTrimmed {
    /// Raise an alarm, count the lost records as skipped, go on behind them.
    Continue,
    /// Raise an alarm and leave the partition unread until an operator decides.
    Halt,
}

/// How the consumer works; each field's doc names its variable.
#[derive(Clone, Debug)]
pub struct Config {
    /// `KAFKA_GROUP`: the consumer group; by default it contains the database's id, so that two
    /// databases never share one and get half of the events each.
    pub group: Option<String>,
    /// `CONSUMER_WRITERS`: transactions under way at a time.
    pub writers: usize,
    /// `CONSUMER_BATCH_RECORDS`: records of one writer per transaction, at most.
    pub batch_records: usize,
    /// `CONSUMER_BATCH_BYTES`: bytes of them, at most (one record always fits).
    pub batch_bytes: usize,
    /// `CONSUMER_QUEUE_BYTES`: bytes of records that wait for a transaction, over all partitions.
    pub queue_bytes: usize,
    /// `CONSUMER_FETCH_BYTES`: bytes that the Kafka client fetches ahead.
    pub fetch_bytes: usize,
    /// `CONSUMER_RECENT_KEYS`: keys that each writer remembers, about 40 bytes each.
    pub recent_keys: usize,
    /// `KAFKA_SESSION_TIMEOUT`: a member silent for this long loses its partitions.
    pub session_timeout: Duration,
    /// `ONCELOG_ON_TRIMMED`: what to do when retention has taken records that were never read.
    pub on_trimmed: OnTrimmed,
    /// `ONCELOG_ACCEPT_LAYOUT_CHANGE`: go on with another number of partitions or key mode.
    pub accept_layout_change: bool,
}
