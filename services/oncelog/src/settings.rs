//! Settings, one struct per concern. Fields bear the names of their options, whole.

#![expect(clippy::struct_field_names, reason = "the names are the options, as a user writes them")]

mod configs;
mod properties;
mod secrets;
pub(crate) mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::EnumValueParser;
use clap::{Args, ValueEnum};
use event::PartitionBy;

use secrets::Secret;
use values::{
    GIB, KIB, MIB, Tidy, bytes, database_schema, host, kafka_brokers, kafka_group, kafka_topic, partition_by, path,
    retention, time, whole, yes_or_no,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// What `event` and the log can take in one request.
const MOST_EVENTS: usize = 16_384;
const HOUR: Duration = Duration::from_hours(1);

/// The Kafka log; the same for api and consumer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct Kafka {
    /// Brokers, host:port separated by commas.
    #[arg(long, env = "KAFKA_BROKERS", default_value = "127.0.0.1:9092", value_parser = kafka_brokers)]
    pub(crate) kafka_brokers: String,
    /// The topic that holds all events. Created if it is missing.
    #[arg(long, env = "KAFKA_TOPIC", default_value = "events", value_parser = kafka_topic)]
    pub(crate) kafka_topic: String,
    /// Partitions of a topic that is created.
    #[arg(long, env = "KAFKA_PARTITIONS", default_value_t = 8, value_parser = whole(1..=1000_i32))]
    pub(crate) kafka_partitions: i32,
    /// Replicas of a topic that is created. 1 survives killed processes, not power loss.
    #[arg(long, env = "KAFKA_REPLICATION", default_value_t = 1, value_parser = whole(1..=100_i16))]
    pub(crate) kafka_replication: i16,
    /// How long a topic that is created keeps its records; "forever" is allowed.
    #[arg(long, env = "KAFKA_RETENTION", default_value = "7d", value_parser = retention)]
    pub(crate) kafka_retention: Duration,
    /// The consumer group [default: oncelog-<the database's id>].
    #[arg(long, env = "KAFKA_GROUP", value_parser = kafka_group)]
    pub(crate) kafka_group: Option<String>,
    /// Properties for the Kafka client, name=value separated by commas: security.protocol, sasl.* and tuning; a value may be in double quotes. Those that exactness rests on are refused.
    #[arg(long, env = "KAFKA_PROPERTIES", hide_env_values = true, allow_hyphen_values = true)]
    pub(crate) kafka_properties: Vec<Secret>,
    /// A file with such properties, one per line.
    #[arg(long, env = "KAFKA_PROPERTIES_FILE", value_parser = path())]
    pub(crate) kafka_properties_file: Option<PathBuf>,
    /// What decides an event's partition. "event" spreads a hot topic and gives up its order.
    #[arg(long, env = "ONCELOG_PARTITION_BY", value_parser = partition_by(), ignore_case = true, default_value = PartitionBy::default().as_str())]
    pub(crate) partition_by: PartitionBy,
    /// Go on although the topic's partitions or the key mode have changed; order within an event topic may break once.
    #[arg(long, env = "ONCELOG_ACCEPT_LAYOUT_CHANGE", value_parser = yes_or_no, default_value_t = false, action = clap::ArgAction::Set)]
    pub(crate) accept_layout_change: bool,
    /// How long a partition may stand still, although the log holds more of it, before that is an alarm.
    #[arg(long, env = "ONCELOG_STALLED_AFTER", default_value = "30s", value_parser = time(SECOND..=HOUR))]
    pub(crate) stalled_after: Duration,
}

/// The database.
#[derive(Debug, Args)]
#[command(next_help_heading = "PostgreSQL")]
pub(crate) struct Database {
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        help = "postgres://user@host:port/database [default: postgres://oncelog@127.0.0.1:5432/oncelog]"
    )]
    pub(crate) database_url: Option<Secret>,
    /// A file with the URL.
    #[arg(long, env = "DATABASE_URL_FILE", value_parser = path())]
    pub(crate) database_url_file: Option<PathBuf>,
    /// The password, as it is. It wins over one in the URL, which has to be percent-encoded there.
    #[arg(long, env = "DATABASE_PASSWORD", hide_env_values = true, allow_hyphen_values = true)]
    pub(crate) database_password: Option<Secret>,
    /// A file with the password.
    #[arg(long, env = "DATABASE_PASSWORD_FILE", value_parser = path())]
    pub(crate) database_password_file: Option<PathBuf>,
    /// The schema that holds the tables. Created if it is missing and the role may do that.
    #[arg(long, env = "DATABASE_SCHEMA", default_value_t = store::Schema::default(), value_parser = database_schema)]
    pub(crate) database_schema: store::Schema,
    /// Connections for queries, at most. Each writer of a consumer has one more.
    #[arg(long, env = "DATABASE_POOL_SIZE", default_value_t = 8, value_parser = whole(1..=1000_u32))]
    pub(crate) database_pool_size: u32,
}

/// The HTTP side.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct Api {
    /// Address to listen on [default: all, of IPv6 and IPv4].
    #[arg(long, env = "HOST", value_parser = host)]
    pub(crate) host: Option<String>,
    /// Port to listen on.
    #[arg(long, env = "PORT", default_value_t = 8080, value_parser = whole(1..=u16::MAX))]
    pub(crate) port: u16,
    /// Events that await Kafka's acknowledgement, at most; beyond it publish answers 429.
    #[arg(long, env = "QUEUE_MAX_SIZE", default_value_t = 50_000, value_parser = whole(1..=10_000_000_usize))]
    pub(crate) queue_max_size: usize,
    /// Bytes of events that await Kafka's acknowledgement, at most.
    #[arg(long, env = "QUEUE_MAX_BYTES", default_value_t = 24 << 20, value_parser = bytes(64 * KIB..=16 * GIB))]
    pub(crate) queue_max_bytes: usize,
    /// How long the Kafka producer waits for more records before it sends.
    #[arg(long, env = "PRODUCER_LINGER", default_value = "0ms", value_parser = time(Duration::ZERO..=900 * SECOND))]
    pub(crate) producer_linger: Duration,
    /// Events in one request, at most.
    #[arg(long, env = "PUBLISH_MAX_EVENTS", default_value_t = 10_000, value_parser = whole(1..=MOST_EVENTS))]
    pub(crate) publish_max_events: usize,
    /// Bytes of one request's body, at most.
    #[arg(long, env = "PUBLISH_MAX_BYTES", default_value_t = 8 << 20, value_parser = bytes(KIB..=GIB))]
    pub(crate) publish_max_bytes: usize,
    /// Bytes of all bodies that are being read or appended, at most. Large ones leave a quarter to small ones.
    #[arg(long, env = "BODY_BUDGET_BYTES", default_value_t = 24 << 20, value_parser = bytes(KIB..=16 * GIB))]
    pub(crate) body_budget_bytes: usize,
    /// Bytes of all answers that are being built and sent, at most. Large ones leave a quarter to small ones.
    #[arg(long, env = "RESPONSE_BUDGET_BYTES", default_value_t = 32 << 20, value_parser = bytes(8 * MIB..=16 * GIB))]
    pub(crate) response_budget_bytes: usize,
    /// Open connections, at most; fewer where the system's limit of open files asks for it.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 4096, value_parser = whole(1..=1_000_000_usize))]
    pub(crate) max_connections: usize,
    /// How long a connection may be idle between two requests; longer than a load balancer in front keeps it.
    #[arg(long, env = "IDLE_TIMEOUT", default_value = "75s", value_parser = time(100 * MS..=HOUR))]
    pub(crate) idle_timeout: Duration,
    /// How long a client may take for a request's header, from its first byte.
    #[arg(long, env = "HEADER_READ_TIMEOUT", default_value = "10s", value_parser = time(100 * MS..=HOUR))]
    pub(crate) header_read_timeout: Duration,
    /// How long a client may take for a request's body.
    #[arg(long, env = "BODY_READ_TIMEOUT", default_value = "30s", value_parser = time(100 * MS..=HOUR))]
    pub(crate) body_read_timeout: Duration,
    /// How long a client may take nothing of an answer, or less than the least rate.
    #[arg(long, env = "SEND_TIMEOUT", default_value = "30s", value_parser = time(100 * MS..=HOUR))]
    pub(crate) send_timeout: Duration,
    /// Bytes per second that a client has to send of a body in each 5s, and to take of an answer within the time for that; 0: any.
    #[arg(long, env = "MIN_TRANSFER_RATE", default_value_t = 1 << 10, value_parser = bytes(0..=GIB))]
    pub(crate) min_transfer_rate: usize,
    /// How long a request may take in all; more than reading its body, 6s, and waiting for its verdict.
    #[arg(long, env = "REQUEST_TIMEOUT", default_value = "75s", value_parser = time(100 * MS..=HOUR))]
    pub(crate) request_timeout: Duration,
    /// How long requests are still taken after SIGTERM, while /readyz says 503: as long as a load balancer takes to notice.
    #[arg(long, env = "SHUTDOWN_DELAY", default_value = "0s", value_parser = time(Duration::ZERO..=HOUR))]
    pub(crate) shutdown_delay: Duration,
    /// How long requests under way may go on after that, 9s at most.
    #[arg(long, env = "SHUTDOWN_GRACE", default_value = "9s", value_parser = time(Duration::ZERO..=9 * SECOND))]
    pub(crate) shutdown_grace: Duration,
    /// How long a publish waits until its events are stored, unless it says `Prefer: wait=N`.
    #[arg(long, env = "VERDICT_WAIT", default_value = "2s", value_parser = time(Duration::ZERO..=HOUR))]
    pub(crate) verdict_wait: Duration,
    /// What `Prefer: wait=N` is cut to.
    #[arg(long, env = "VERDICT_MAX_WAIT", default_value = "30s", value_parser = time(Duration::ZERO..=HOUR))]
    pub(crate) verdict_max_wait: Duration,
    /// How often progress is read while anybody waits.
    #[arg(long, env = "VERDICT_LOOK_INTERVAL", default_value = "1ms", value_parser = time(MS..=60 * SECOND))]
    pub(crate) verdict_look_interval: Duration,
    /// A backlog that is always waited for, in records of one partition.
    #[arg(long, env = "VERDICT_SMALL_BACKLOG", default_value_t = 20_000, value_parser = whole(0..=1_000_000_000_i64))]
    pub(crate) verdict_small_backlog: i64,
    /// Events that may wait for their verdict; beyond it publish answers 202 at once.
    #[arg(long, env = "VERDICT_MAX_WAITING", default_value_t = 100_000, value_parser = whole(0..=10_000_000_usize))]
    pub(crate) verdict_max_waiting: usize,
}

/// The consumer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Consumer")]
pub(crate) struct Consumer {
    /// Address that the consumer's /livez, /readyz and /metrics listen on [default: all, of IPv6 and IPv4].
    #[arg(long, env = "CONSUMER_HOST", value_parser = host)]
    pub(crate) consumer_host: Option<String>,
    /// Port that the consumer's /livez, /readyz and /metrics listen on.
    #[arg(long, env = "CONSUMER_PORT", default_value_t = 8081, value_parser = whole(1..=u16::MAX))]
    pub(crate) consumer_port: u16,
    /// Transactions under way at a time, each over a connection of its own.
    #[arg(long, env = "CONSUMER_WRITERS", default_value_t = 3, value_parser = whole(1..=64_u16))]
    pub(crate) consumer_writers: u16,
    /// Records of one writer in one transaction, at most.
    #[arg(long, env = "CONSUMER_BATCH_RECORDS", default_value_t = 5000, value_parser = whole(1..=1_000_000_usize))]
    pub(crate) consumer_batch_records: usize,
    /// Bytes of records of one writer in one transaction, at most.
    #[arg(long, env = "CONSUMER_BATCH_BYTES", default_value_t = 8 << 20, value_parser = bytes(64 * KIB..=GIB))]
    pub(crate) consumer_batch_bytes: usize,
    /// Bytes of records that wait for a transaction, over all partitions.
    #[arg(long, env = "CONSUMER_QUEUE_BYTES", default_value_t = 14 << 20, value_parser = bytes(64 * KIB..=GIB))]
    pub(crate) consumer_queue_bytes: usize,
    /// Bytes that the Kafka client fetches ahead.
    #[arg(long, env = "CONSUMER_FETCH_BYTES", default_value_t = 1 << 20, value_parser = bytes(64 * KIB..=GIB))]
    pub(crate) consumer_fetch_bytes: usize,
    /// Keys that each writer remembers to settle repeats without the database; about 40 bytes each.
    #[arg(long, env = "CONSUMER_RECENT_KEYS", default_value_t = 32_768, value_parser = whole(0..=10_000_000_usize))]
    pub(crate) consumer_recent_keys: usize,
    /// A consumer silent for this long loses its partitions to others; within the bounds that the broker sets.
    #[arg(long, env = "KAFKA_SESSION_TIMEOUT", default_value = "6s", value_parser = time(SECOND..=300 * SECOND))]
    pub(crate) kafka_session_timeout: Duration,
    /// Who this consumer is, also after a restart: back within its session it has its partitions at once. One of its own for each consumer.
    #[arg(long, env = "KAFKA_INSTANCE_ID", value_parser = kafka_topic)]
    pub(crate) kafka_instance_id: Option<String>,
    /// When retention took records that were never read: raise an alarm and go on behind them, or halt.
    #[arg(long, env = "ONCELOG_ON_TRIMMED", value_parser = Tidy(EnumValueParser::<OnTrimmed>::new()), ignore_case = true, default_value = "continue")]
    pub(crate) on_trimmed: OnTrimmed,
    /// When a batch of the log can't be read, as one that is damaged or unpacks to too much: leave the partition standing there, or skip it offset by offset, once another client can't read it either; each is a dead letter without bytes.
    #[arg(long, env = "ONCELOG_ON_UNREADABLE", value_parser = Tidy(EnumValueParser::<OnUnreadable>::new()), ignore_case = true, default_value = "halt")]
    pub(crate) on_unreadable: OnUnreadable,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OnUnreadable {
    Halt,
    Skip,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OnTrimmed {
    Continue,
    Halt,
}
