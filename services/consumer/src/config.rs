//! How the consumer works.

use std::time::Duration;

/// What to do when the log was trimmed before it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTrimmed {
    /// Raise an alarm, count the lost records as skipped, go on behind them.
    Continue,
    /// Raise an alarm and leave the partition unread until an operator decides.
    Halt,
}

/// What to do with a batch of the log that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnreadable {
    /// Raise an alarm, and leave the partition standing there. It is tried again now and then.
    Halt,
    /// Raise an alarm, and if another client can't read it either, make a dead letter of each offset.
    Skip,
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
    /// `KAFKA_INSTANCE_ID`: who this consumer is, also when it comes back.
    pub instance_id: Option<String>,
    /// `KAFKA_SESSION_TIMEOUT`: a member silent for this long loses its partitions.
    pub session_timeout: Duration,
    /// `ONCELOG_ON_TRIMMED`: what to do when retention has taken records that were never read.
    pub on_trimmed: OnTrimmed,
    /// `ONCELOG_ON_UNREADABLE`: what to do with a batch that can't be read.
    pub on_unreadable: OnUnreadable,
    /// `ONCELOG_STALLED_AFTER`: how long a partition may stand still although the log holds more of it.
    pub stalled_after: Duration,
    /// `ONCELOG_ACCEPT_LAYOUT_CHANGE`: go on with another number of partitions or key mode.
    pub accept_layout_change: bool,
}
