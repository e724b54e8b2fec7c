//! What can be done to connections.

use std::time::Duration;

use serde::Serialize;

/// What is spoken through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Anything; no trap ever springs.
    Bytes,
    /// Kafka's, without TLS.
    Kafka,
    /// PostgreSQL's; a request for TLS is declined.
    Postgres,
}

/// How bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// At once.
    #[default]
    Freely,
    /// Each message this much later, in both directions.
    Slowly(Duration),
    /// Not at all, with every connection open: what a firewall that drops packets
    /// looks like. What was held back passes when the flow changes, unless the
    /// connections are cut before.
    Stalled,
    /// Not at all: connections are closed, and new ones at once.
    Closed,
}

/// A call that a trap can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Kafka: records are appended (API key 0).
    Produce,
    /// Kafka: where partitions begin and end is asked for (API key 2).
    ListOffsets,
    /// Kafka: a group's offsets are committed (API key 8).
    OffsetCommit,
    /// PostgreSQL: a transaction is committed.
    Commit,
}

/// What happens to a call that meets a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trap {
    /// It waits, and so do all that follow, until the trap is taken away.
    Hold,
    /// The connection is cut, and the call never arrives. Springs once.
    CutBefore,
    /// The call is carried out, and the connection is cut in place of its answer.
    /// Springs once.
    CutAfter,
}

/// What the consumers call themselves to the broker, where it is to tell them from the api.
pub const CONSUMER: &str = "consumer";

/// What a broker says that is not true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// Of this partition it has nothing at any offset (Fetch: `OFFSET_OUT_OF_RANGE`).
    OutOfRange(i32),
    /// It gives nothing of this partition (Fetch: `NOT_LEADER_OR_FOLLOWER`).
    Held(i32),
    /// Nobody may read this partition (Fetch: `TOPIC_AUTHORIZATION_FAILED`).
    Forbidden(i32),
    /// A bit of the first batch of this partition has flipped (Fetch).
    Damaged(i32),
    /// The same in what a client named [`CONSUMER`] is sent, once.
    DamagedOnce(i32),
    /// This partition is empty: what a client named [`CONSUMER`] hears when it asks the next time where the
    /// partition begins, and then where it ends (`ListOffsets`).
    Empty(i32),
    /// Where this partition begins and ends can't be told now: what a client named [`CONSUMER`] hears
    /// (`ListOffsets`: `OFFSET_NOT_AVAILABLE`).
    Untold(i32),
    /// It serves no version in which topics have ids (`ApiVersions`): counts for new connections.
    NoTopicIds,
}
