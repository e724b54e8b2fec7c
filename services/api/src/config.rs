//! What the API is told at start, one struct per concern.

use std::time::Duration;

/// All settings of the API; those of the log and the database come beside them.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Who reads the log, and what it may be.
    pub log: LogConfig,
    /// How much is taken at once.
    pub limits: Limits,
    /// How long is waited for a client.
    pub timeouts: Timeouts,
    /// How long a publisher waits for its verdict, and how many may.
    pub verdicts: VerdictConfig,
}

/// Who reads the log, and what it may be.
#[derive(Clone, Debug, Default)]
pub struct LogConfig {
    /// `KAFKA_GROUP`: the consumer group whose members store what is published here; if none, the
    /// one that the database names.
    pub group: Option<String>,
    /// `ONCELOG_STALLED_AFTER`: how long a partition may stand still although the log holds more of it.
    pub stalled_after: Duration,
    /// `ONCELOG_ACCEPT_LAYOUT_CHANGE`: go on where the topic's partitions or the key mode have changed.
    pub accept_layout_change: bool,
}

/// How much is taken at once. Beyond, the caller is told: 413 where it is one request, else 429.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `PUBLISH_MAX_EVENTS`: events of one request; 10,000.
    pub max_events: usize,
    /// `PUBLISH_MAX_BYTES`: bytes of one request's body; 8 MiB.
    pub max_body_bytes: usize,
    /// `BODY_BUDGET_BYTES`: bytes of all bodies being read, checked and appended; 24 MiB, of which large ones
    /// leave a quarter to small ones. At least four thirds of `max_body_bytes`.
    pub body_budget_bytes: usize,
    /// `RESPONSE_BUDGET_BYTES`: bytes of all lists being built and sent; 32 MiB, of which large ones leave a
    /// quarter to small ones. At least 8 MiB.
    pub response_budget_bytes: usize,
    /// `MAX_CONNECTIONS`: open connections; 4,096. For the next one the longest idle one is closed; where
    /// none is idle, it waits.
    pub max_connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_events: 10_000,
            max_body_bytes: 8 * 1024 * 1024,
            body_budget_bytes: 24 * 1024 * 1024,
            response_budget_bytes: 32 * 1024 * 1024,
            max_connections: 4_096,
        }
    }
}

/// How long is waited for a client.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// `IDLE_TIMEOUT`: from one answer (or the connection) to the first byte of the next request; 75 s.
    /// Longer than a load balancer in front keeps a connection, or it sends requests into closed ones.
    pub idle: Duration,
    /// `HEADER_READ_TIMEOUT`: from the first byte of a request to the end of its header; 10 s.
    pub header_read: Duration,
    /// `BODY_READ_TIMEOUT`: from the header to the end of the body; 30 s. Beyond: 408.
    pub body_read: Duration,
    /// `SEND_TIMEOUT`: how long a client may take nothing, or too little, of an answer before it is cut off; 30 s.
    pub send: Duration,
    /// `MIN_TRANSFER_RATE`: bytes per second that a body has to bring in each 5 s, and that a client has to take
    /// of an answer in each `send`; 1 KiB. At 0, whatever comes within `body_read`, and anything, will do.
    pub min_transfer_rate: usize,
    /// `REQUEST_TIMEOUT`: a whole request, whatever it waits for; 75 s. Above `body_read` + 6 s for the
    /// log + the longest verdict wait. Beyond: 503.
    pub request: Duration,
    /// `SHUTDOWN_GRACE`: what is in flight when the listener closes may end within this; 9 s.
    pub shutdown: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            idle: Duration::from_secs(75),
            header_read: Duration::from_secs(10),
            body_read: Duration::from_secs(30),
            send: Duration::from_secs(30),
            min_transfer_rate: 1024,
            request: Duration::from_secs(75),
            shutdown: Duration::from_secs(9),
        }
    }
}

/// How long a publisher waits for its verdict, and how many may.
#[derive(Clone, Debug)]
pub struct VerdictConfig {
    /// `VERDICT_WAIT`: where the request does not say `Prefer: wait=N`; 2 s.
    pub wait: Duration,
    /// `VERDICT_MAX_WAIT`: what `Prefer: wait=N` is cut to; 30 s.
    pub max_wait: Duration,
    /// `VERDICT_LOOK_INTERVAL`: while anybody waits, how often progress is read; 1 ms.
    pub look_interval: Duration,
    /// `VERDICT_MAX_WAITING`: events of all requests that wait; 100,000. Beyond: 202 at once.
    pub max_waiting: usize,
    /// `VERDICT_SMALL_BACKLOG`: a backlog that is always waited for, in records of one partition; 20,000.
    pub small_backlog: i64,
}

impl Default for VerdictConfig {
    fn default() -> VerdictConfig {
        VerdictConfig {
            wait: Duration::from_secs(2),
            max_wait: Duration::from_secs(30),
            look_interval: Duration::from_millis(1),
            max_waiting: 100_000,
            small_backlog: 20_000,
        }
    }
}
