//! Where the log is, what it has to be, and how much may wait for it.

mod own;

use std::fmt;
use std::time::Duration;

use event::PartitionBy;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

pub use own::{SetBy, set_by};

/// What every client of the log starts from. [`Config::new`] has the defaults.
#[derive(Clone)]
pub struct Config {
    /// Bootstrap addresses, `host:port[,host:port…]` (`KAFKA_BROKERS`).
    pub brokers: String,
    /// Name of the Kafka topic that is the log (`KAFKA_TOPIC`).
    pub topic: String,
    /// Partitions of the topic where it has to be created (`KAFKA_PARTITIONS`; 8).
    pub partitions: i32,
    /// Replicas of each partition where it has to be created (`KAFKA_REPLICATION`; 1).
    pub replication: i16,
    /// How long the topic keeps a record; [`Duration::MAX`] = for ever. 7 days.
    pub retention: Duration,
    /// What decides the partition of an event (`ONCELOG_PARTITION_BY`; topic).
    pub partition_by: PartitionBy,
    /// How long the producer waits for company before it sends. 0 to 900 s; 0.
    pub linger: Duration,
    /// Records that may await their delivery reports (`QUEUE_MAX_SIZE`; 50,000).
    /// At least the largest legal request, else that request is refused for ever.
    pub budget_messages: usize,
    /// Bytes of records that may await their delivery reports (24 MiB). At least
    /// the largest legal request, as above.
    pub budget_bytes: usize,
    /// Passed to librdkafka as they are: `security.*`, `sasl.*`, `ssl.*`
    /// (`KAFKA_PROPERTIES`). They win over the tuning of connections; none of them is
    /// one that oncelog sets ([`set_by`]).
    pub properties: Vec<(String, String)>,
}

impl Config {
    /// A configuration with all defaults for this topic on these brokers.
    #[must_use]
    pub fn new(brokers: impl Into<String>, topic: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topic: topic.into(),
            partitions: 8,
            replication: 1,
            retention: Duration::from_hours(7 * 24),
            partition_by: PartitionBy::default(),
            linger: Duration::ZERO,
            budget_messages: 50_000,
            budget_bytes: 24 * 1024 * 1024,
            properties: Vec::new(),
        }
    }

    /// What all clients have in common: addresses, reconnecting, logging. The
    /// caller sets its own properties after it, so that they win.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("client.id", "oncelog")
            .set("broker.address.family", "any")
            .set("socket.keepalive.enable", "true")
            // A broker that has stopped answering is noticed before the callers'
            // own deadlines have all passed.
            .set("socket.timeout.ms", "10000")
            .set("socket.connection.setup.timeout.ms", "5000")
            // After an outage everything goes on within about a second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            // Partitions that were added are noticed within so long.
            .set("topic.metadata.refresh.interval.ms", "5000");
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client
            .set("bootstrap.servers", &self.brokers)
            // librdkafka's producers would create the topic with the broker's
            // defaults (it heeds this for them too, whatever its manual says).
            .set("allow.auto.create.topics", "false")
            .set_log_level(RDKafkaLogLevel::Info);
        client
    }
}

/// Whether librdkafka has a property of this name. A name that it does not have may be part of a secret
/// that was cut at the wrong place, and librdkafka would show it.
#[must_use]
pub fn knows_property(name: &str) -> bool {
    // Asked for by setting it: one that has no value by default can't be read.
    let set = ClientConfig::new().set(name, "").create_native_config();
    let unknown = RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;
    !name.contains('\0') && !matches!(set, Err(KafkaError::ClientConfig(result, ..)) if result == unknown)
}

/// Names the properties without their values, which may be secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Config")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("retention", &self.retention)
            .field("partition_by", &self.partition_by)
            .field("linger", &self.linger)
            .field("budget_messages", &self.budget_messages)
            .field("budget_bytes", &self.budget_bytes)
            .field("properties", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_win_over_tuning_but_not_over_the_address() {
        let mut config = Config::new("a:1", "events");
        config.properties =
            vec![("broker.address.family".into(), "v4".into()), ("bootstrap.servers".into(), "b:2".into())];
        let client = config.client();
        assert_eq!(client.get("broker.address.family"), Some("v4"));
        assert_eq!(client.get("bootstrap.servers"), Some("a:1"));
    }

    #[test]
    fn a_value_is_passed_on_with_its_blanks() {
        let mut config = Config::new("a:1", "events");
        config.properties = vec![("sasl.password".into(), " hunter2 ".into())];
        assert_eq!(config.client().get("sasl.password"), Some(" hunter2 "));
    }

    #[test]
    fn properties_are_known_by_all_their_names() {
        for name in ["sasl.password", "sasl.mechanism", "sasl.mechanisms", "ssl.key.password", "acks", "client.id"] {
            assert!(knows_property(name), "{name}");
        }
        assert!(["", "sasl", "sasl.passwort", "hunter2", "a\0b"].iter().all(|name| !knows_property(name)));
    }
}
