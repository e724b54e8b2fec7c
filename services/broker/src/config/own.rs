//! The client's properties that oncelog sets itself, by all their names. One that were set once more, under
//! another name, would win or lose by chance.

/// Who sets a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// This setting.
    Setting(&'static str),
    /// Nobody else: guarantees or limits rest on it.
    Oncelog,
}

const BY_SETTING: [(&str, &[&str]); 9] = [
    ("KAFKA_BROKERS", &["bootstrap.servers", "metadata.broker.list"]),
    ("KAFKA_GROUP", &["group.id"]),
    ("KAFKA_INSTANCE_ID", &["group.instance.id"]),
    ("KAFKA_SESSION_TIMEOUT", &["session.timeout.ms", "heartbeat.interval.ms"]),
    ("ONCELOG_PARTITION_BY", &["partitioner"]),
    ("PRODUCER_LINGER", &["linger.ms", "queue.buffering.max.ms"]),
    ("QUEUE_MAX_SIZE", &["queue.buffering.max.messages"]),
    ("QUEUE_MAX_BYTES", &["queue.buffering.max.kbytes"]),
    ("CONSUMER_FETCH_BYTES", &["queued.max.messages.kbytes", "fetch.message.max.bytes", "max.partition.fetch.bytes"]),
];

const BY_ONCELOG: [&str; 28] = [
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.offset.reset",
    "check.crcs",
    "compression.codec",
    "compression.type",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.protocol",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.timeout.ms",
    "partition.assignment.strategy",
    "queued.min.messages",
    "request.required.acks",
    "transactional.id",
];

/// Who sets the property of this name; none where an operator may.
#[must_use]
pub fn set_by(property: &str) -> Option<SetBy> {
    let setting = BY_SETTING.iter().find(|(_, names)| names.contains(&property));
    let setting = setting.map(|(setting, _)| SetBy::Setting(setting));
    setting.or_else(|| BY_ONCELOG.contains(&property).then_some(SetBy::Oncelog))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knows_property;

    #[test]
    fn every_name_is_one_that_the_client_knows() {
        let by_setting = BY_SETTING.iter().flat_map(|(_, names)| names.iter());
        for name in by_setting.chain(&BY_ONCELOG) {
            assert!(knows_property(name), "{name}");
        }
    }

    #[test]
    fn one_property_has_one_owner_under_each_of_its_names() {
        for (one, other) in [
            ("bootstrap.servers", "metadata.broker.list"),
            ("linger.ms", "queue.buffering.max.ms"),
            ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
            ("compression.type", "compression.codec"),
            ("max.in.flight.requests.per.connection", "max.in.flight"),
            ("acks", "request.required.acks"),
            ("message.timeout.ms", "delivery.timeout.ms"),
            ("enable.auto.commit", "auto.commit.enable"),
        ] {
            assert!(set_by(one).is_some(), "{one}");
            assert_eq!(set_by(one), set_by(other), "{one} and {other}");
        }
        assert_eq!(set_by("sasl.password"), None);
    }
}
