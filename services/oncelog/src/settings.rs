//! Settings, one struct per concern. Fields bear the names of their options, whole.

#![expect(clippy::struct_field_names, reason = "the names are the options, as a user writes them")]

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};

/// The Kafka log; the same for api and consumer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct Kafka {
    /// Brokers, host:port separated by commas.
    #[arg(long, env = "KAFKA_BROKERS", default_value = "127.0.0.1:9092")]
    pub(crate) kafka_brokers: String,
    /// The topic that holds all events. Created if it is missing.
    #[arg(long, env = "KAFKA_TOPIC", default_value = "events")]
    pub(crate) kafka_topic: String,
    /// Partitions of a topic that is created.
    #[arg(long, env = "KAFKA_PARTITIONS", default_value_t = 8, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub(crate) kafka_partitions: i32,
    /// Replicas of a topic that is created. 1 survives killed processes, not power loss.
    #[arg(long, env = "KAFKA_REPLICATION", default_value_t = 1, value_parser = clap::value_parser!(i16).range(1..))]
    pub(crate) kafka_replication: i16,
    /// How long a topic that is created keeps its records; "forever" is allowed.
    #[arg(long, env = "KAFKA_RETENTION", default_value = "7d", value_parser = retention)]
    pub(crate) kafka_retention: Duration,
    /// The consumer group [default: oncelog-<the database's id>].
    #[arg(long, env = "KAFKA_GROUP")]
    pub(crate) kafka_group: Option<String>,
    /// Properties for the Kafka client, name=value separated by commas: security.protocol, sasl.* and tuning; those that exactness rests on are refused.
    #[arg(long, env = "KAFKA_PROPERTIES", value_delimiter = ',', value_parser = property, hide_env_values = true)]
    pub(crate) kafka_properties: Vec<(String, String)>,
    /// What decides an event's partition. "event" spreads a hot topic and gives up its order.
    #[arg(long, env = "ONCELOG_PARTITION_BY", value_enum, default_value_t = PartitionBy::Topic)]
    pub(crate) partition_by: PartitionBy,
    /// Go on although the topic's partitions or the key mode have changed; order within an event topic may break once.
    #[arg(long, env = "ONCELOG_ACCEPT_LAYOUT_CHANGE", value_parser = clap::value_parser!(bool), default_value_t = false, action = clap::ArgAction::Set)]
    pub(crate) accept_layout_change: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PartitionBy {
    Topic,
    Event,
}

/// The database.
#[derive(Debug, Args)]
#[command(next_help_heading = "PostgreSQL")]
pub(crate) struct Database {
    /// postgres://user:password@host:port/database
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "postgres://oncelog@127.0.0.1:5432/oncelog",
        hide_env_values = true
    )]
    pub(crate) database_url: String,
    /// Connections for queries, at most. Each writer of a consumer has one more.
    #[arg(long, env = "DATABASE_POOL_SIZE", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) database_pool_size: u32,
}

/// The HTTP side.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct Api {
    /// Address to listen on.
    #[arg(long, env = "HOST", default_value = "0.0.0.0")]
    pub(crate) host: String,
    /// Port to listen on.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Events that await Kafka's acknowledgement, at most; beyond it publish answers 429.
    #[arg(long, env = "QUEUE_MAX_SIZE", default_value_t = 50_000, value_parser = at_least_one)]
    pub(crate) queue_max_size: usize,
    /// Bytes of events that await Kafka's acknowledgement, at most.
    #[arg(long, env = "QUEUE_MAX_BYTES", default_value_t = 24 << 20)]
    pub(crate) queue_max_bytes: usize,
    /// How long the Kafka producer waits for more records before it sends.
    #[arg(long, env = "PRODUCER_LINGER", default_value = "0ms", value_parser = duration)]
    pub(crate) producer_linger: Duration,
    /// Events in one request, at most.
    #[arg(long, env = "PUBLISH_MAX_EVENTS", default_value_t = 10_000, value_parser = at_least_one)]
    pub(crate) publish_max_events: usize,
    /// Bytes of one request's body, at most.
    #[arg(long, env = "PUBLISH_MAX_BYTES", default_value_t = 8 << 20, value_parser = at_least_one)]
    pub(crate) publish_max_bytes: usize,
    /// Bytes of all bodies that are being read or appended, at most.
    #[arg(long, env = "BODY_BUDGET_BYTES", default_value_t = 24 << 20)]
    pub(crate) body_budget_bytes: usize,
    /// Bytes of all lists that are being built and sent, at most; at least 8 MiB.
    #[arg(long, env = "RESPONSE_BUDGET_BYTES", default_value_t = 32 << 20)]
    pub(crate) response_budget_bytes: usize,
    /// Open connections, at most.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 4096, value_parser = at_least_one)]
    pub(crate) max_connections: usize,
    /// How long a client may take for a request's header; an idle connection is closed after it, too.
    #[arg(long, env = "HEADER_READ_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub(crate) header_read_timeout: Duration,
    /// How long a client may take for a request's body.
    #[arg(long, env = "BODY_READ_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub(crate) body_read_timeout: Duration,
    /// How long a client may take nothing of an answer.
    #[arg(long, env = "SEND_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub(crate) send_timeout: Duration,
    /// How long a request may take in all; more than reading its body, 6s, and waiting for its verdict.
    #[arg(long, env = "REQUEST_TIMEOUT", default_value = "75s", value_parser = duration)]
    pub(crate) request_timeout: Duration,
    /// How long requests under way may go on after SIGTERM, 9s at most.
    #[arg(long, env = "SHUTDOWN_GRACE", default_value = "9s", value_parser = duration)]
    pub(crate) shutdown_grace: Duration,
    /// How long a publish waits until its events are stored, unless it says `Prefer: wait=N`.
    #[arg(long, env = "VERDICT_WAIT", default_value = "2s", value_parser = duration)]
    pub(crate) verdict_wait: Duration,
    /// What `Prefer: wait=N` is cut to.
    #[arg(long, env = "VERDICT_MAX_WAIT", default_value = "30s", value_parser = duration)]
    pub(crate) verdict_max_wait: Duration,
    /// How often progress is read while anybody waits.
    #[arg(long, env = "VERDICT_LOOK_INTERVAL", default_value = "1ms", value_parser = duration)]
    pub(crate) verdict_look_interval: Duration,
    /// A backlog that is always waited for, in records of one partition.
    #[arg(long, env = "VERDICT_SMALL_BACKLOG", default_value_t = 20_000)]
    pub(crate) verdict_small_backlog: i64,
    /// Events that may wait for their verdict; beyond it publish answers 202 at once.
    #[arg(long, env = "VERDICT_MAX_WAITING", default_value_t = 100_000)]
    pub(crate) verdict_max_waiting: usize,
}

/// The consumer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Consumer")]
pub(crate) struct Consumer {
    /// Address that the consumer's /livez, /readyz and /metrics listen on.
    #[arg(long, env = "CONSUMER_HOST", default_value = "0.0.0.0")]
    pub(crate) consumer_host: String,
    /// Port that the consumer's /livez, /readyz and /metrics listen on.
    #[arg(long, env = "CONSUMER_PORT", default_value_t = 8081)]
    pub(crate) consumer_port: u16,
    /// Transactions under way at a time, each over a connection of its own.
    #[arg(long, env = "CONSUMER_WRITERS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) consumer_writers: u16,
    /// Records of one writer in one transaction, at most.
    #[arg(long, env = "CONSUMER_BATCH_RECORDS", default_value_t = 5000, value_parser = at_least_one)]
    pub(crate) consumer_batch_records: usize,
    /// Bytes of records of one writer in one transaction, at most.
    #[arg(long, env = "CONSUMER_BATCH_BYTES", default_value_t = 8 << 20, value_parser = at_least_one)]
    pub(crate) consumer_batch_bytes: usize,
    /// Bytes of records that wait for a transaction, over all partitions.
    #[arg(long, env = "CONSUMER_QUEUE_BYTES", default_value_t = 14 << 20, value_parser = at_least_one)]
    pub(crate) consumer_queue_bytes: usize,
    /// Bytes that the Kafka client fetches ahead.
    #[arg(long, env = "CONSUMER_FETCH_BYTES", default_value_t = 1 << 20, value_parser = at_least_one)]
    pub(crate) consumer_fetch_bytes: usize,
    /// Keys that each writer remembers to settle repeats without the database; about 40 bytes each.
    #[arg(long, env = "CONSUMER_RECENT_KEYS", default_value_t = 32_768)]
    pub(crate) consumer_recent_keys: usize,
    /// A consumer silent for this long loses its partitions to others.
    #[arg(long, env = "KAFKA_SESSION_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub(crate) kafka_session_timeout: Duration,
    /// When retention took records that were never read: raise an alarm and go on behind them, or halt.
    #[arg(long, env = "ONCELOG_ON_TRIMMED", value_enum, default_value_t = OnTrimmed::Continue)]
    pub(crate) on_trimmed: OnTrimmed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OnTrimmed {
    Continue,
    Halt,
}

impl Kafka {
    pub(crate) fn config(&self) -> broker::Config {
        let mut config = broker::Config::new(&self.kafka_brokers, &self.kafka_topic);
        config.partitions = self.kafka_partitions;
        config.replication = self.kafka_replication;
        config.retention = self.kafka_retention;
        config.partition_by = match self.partition_by {
            PartitionBy::Topic => broker::PartitionBy::Topic,
            PartitionBy::Event => broker::PartitionBy::Event,
        };
        config.properties.clone_from(&self.kafka_properties);
        config
    }
}

impl Api {
    /// The log as the producer needs it.
    pub(crate) fn broker(&self, kafka: &Kafka) -> broker::Config {
        let mut config = kafka.config();
        config.linger = self.producer_linger;
        config.budget_messages = self.queue_max_size;
        config.budget_bytes = self.queue_max_bytes;
        config
    }

    pub(crate) fn config(&self, kafka: &Kafka) -> api::Config {
        api::Config {
            log: api::config::LogConfig {
                group: kafka.kafka_group.clone(),
                accept_layout_change: kafka.accept_layout_change,
            },
            limits: api::config::Limits {
                // A request that could never fit into the queue is refused for its size, not told to come back.
                max_events: self.publish_max_events.min(self.queue_max_size),
                max_body_bytes: self.publish_max_bytes,
                body_budget_bytes: self.body_budget_bytes.max(self.publish_max_bytes),
                response_budget_bytes: self.response_budget_bytes.max(8 << 20),
                max_connections: self.max_connections,
            },
            timeouts: api::config::Timeouts {
                header_read: self.header_read_timeout,
                body_read: self.body_read_timeout,
                send: self.send_timeout,
                request: self.request_timeout,
                shutdown: self.shutdown_grace.min(Duration::from_secs(9)),
            },
            verdicts: api::config::VerdictConfig {
                wait: self.verdict_wait,
                max_wait: self.verdict_max_wait,
                look_interval: self.verdict_look_interval,
                max_waiting: self.verdict_max_waiting,
                small_backlog: self.verdict_small_backlog,
            },
        }
    }
}

impl Database {
    pub(crate) fn config(&self) -> store::Config {
        store::Config { url: self.database_url.clone(), pool_size: self.database_pool_size }
    }
}

impl Consumer {
    pub(crate) fn config(&self, kafka: &Kafka) -> consumer::Config {
        consumer::Config {
            group: kafka.kafka_group.clone(),
            writers: usize::from(self.consumer_writers),
            batch_records: self.consumer_batch_records,
            batch_bytes: self.consumer_batch_bytes,
            queue_bytes: self.consumer_queue_bytes,
            fetch_bytes: self.consumer_fetch_bytes,
            recent_keys: self.consumer_recent_keys,
            session_timeout: self.kafka_session_timeout,
            on_trimmed: match self.on_trimmed {
                OnTrimmed::Continue => consumer::OnTrimmed::Continue,
                OnTrimmed::Halt => consumer::OnTrimmed::Halt,
            },
            accept_layout_change: kafka.accept_layout_change,
        }
    }
}

fn at_least_one(text: &str) -> anyhow::Result<usize> {
    let number: usize = text.trim().parse().context("not a whole number")?;
    ensure!(number > 0, "must be at least 1");
    Ok(number)
}

/// As [`duration`], without its limit; and `forever`.
fn retention(text: &str) -> anyhow::Result<Duration> {
    if text.trim() == "forever" { Ok(Duration::MAX) } else { span(text) }
}

/// `500ms`, `10s`, `5m`, `12h`, at most a day.
pub(crate) fn duration(text: &str) -> anyhow::Result<Duration> {
    const LONGEST: Duration = Duration::from_hours(24);
    let span = span(text)?;
    ensure!(span <= LONGEST, "must be at most 24h");
    Ok(span)
}

fn span(text: &str) -> anyhow::Result<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().context("a duration is a whole number and a unit, such as 10s")?;
    let milliseconds = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        unit => bail!("{unit:?} is no unit of time; use ms, s, m, h or d"),
    };
    Ok(Duration::from_millis(number.saturating_mul(milliseconds)))
}

/// Kafka client properties, by all their names, that are not the operator's to set.
const OURS: [&str; 20] = [
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.protocol",
    "isolation.level",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "transactional.id",
];

fn property(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text.split_once('=').context("a property is name=value")?;
    let name = name.trim();
    ensure!(!OURS.contains(&name), "{name} is set by oncelog: its guarantees rest on it");
    Ok((name.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("500ms").ok(), Some(Duration::from_millis(500)));
        assert_eq!(duration("24h").ok(), Some(Duration::from_hours(24)));
        assert_eq!(retention("7d").ok(), Some(Duration::from_hours(7 * 24)));
        assert_eq!(retention("forever").ok(), Some(Duration::MAX));
        assert!(duration("2d").is_err() && duration("forever").is_err());
        for wrong in ["", "10", "s", "1w", "-1s", "1.5s"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_property_may_contain_equals_signs() {
        assert_eq!(property("sasl.password=a=b").ok(), Some(("sasl.password".to_owned(), "a=b".to_owned())));
        assert!(property("sasl.password").is_err());
    }

    #[test]
    fn a_property_that_exactness_rests_on_is_refused() {
        assert!(property("isolation.level=read_uncommitted").unwrap_err().to_string().contains("isolation.level"));
        assert!(property("delivery.timeout.ms = 1").is_err());
    }
}
