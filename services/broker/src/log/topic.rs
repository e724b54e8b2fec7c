//! Creating the topic and looking at how it is set.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::RDKafkaErrorCode;
use tokio::runtime::Handle;

use super::config_check::{Facts, settings};
use super::connection::{CALL_TIMEOUT, Connection};
use crate::ffi;
use crate::{BrokerError, Config};

/// Settings without which the topic would lose or refuse events; the others are
/// left out where a broker does not know them.
const ESSENTIAL: [&str; 3] = ["cleanup.policy", "retention.ms", "max.message.bytes"];

/// Creates the topic unless it is there. Several processes may do so at once.
pub(crate) fn create_if_missing(connection: &Connection, config: &Config) -> Result<(), BrokerError> {
    if ffi::describe_topic(connection.client(), &config.topic, CALL_TIMEOUT)?.is_some() {
        return Ok(());
    }
    create(config)?;
    await_topic(connection, config)
}

/// What the broker says of the topic.
pub(crate) fn facts(connection: &Connection, config: &Config) -> Result<Facts, BrokerError> {
    const DOING: &str = "asking who has the topic";
    let metadata = connection
        .client()
        .fetch_metadata(Some(&config.topic), CALL_TIMEOUT)
        .map_err(|error| BrokerError::from_kafka(DOING, &error))?;
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    let broker = metadata.brokers().first().map(rdkafka::metadata::MetadataBroker::id);
    let admin = admin(config)?;
    Ok(Facts {
        configs: topic_configs(&admin, &config.topic)?,
        partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
        replicas: partitions.iter().map(|part| part.replicas().len()).min().unwrap_or(0),
        auto_create: broker.and_then(|id| auto_create(&admin, id)),
    })
}

type Admin = AdminClient<DefaultClientContext>;

/// An admin client for a few calls. Nobody takes its log lines, which would pile
/// up; the standing connection tells the same story.
fn admin(config: &Config) -> Result<Admin, BrokerError> {
    let mut client = config.client();
    client.set_log_level(RDKafkaLogLevel::Emerg);
    client.create().map_err(|error| BrokerError::from_kafka("starting the admin client", &error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(CALL_TIMEOUT)).operation_timeout(Some(CALL_TIMEOUT))
}

fn create(config: &Config) -> Result<(), BrokerError> {
    let admin = admin(config)?;
    let all = settings(config);
    match create_with(&admin, config, &all) {
        Err(RDKafkaErrorCode::InvalidConfig) => {
            tracing::warn!("the broker refuses some of the topic's settings; trying without them");
            let essential: Vec<_> = all.into_iter().filter(|(name, _)| ESSENTIAL.contains(name)).collect();
            create_with(&admin, config, &essential)
        }
        outcome => outcome,
    }
    .map_err(|code| not_created(config, "creating the topic", code))
}

/// The refusal, with the setting that it is about where that is known.
fn not_created(config: &Config, doing: &'static str, code: RDKafkaErrorCode) -> BrokerError {
    match code {
        RDKafkaErrorCode::InvalidReplicationFactor => BrokerError::Refused {
            doing,
            reason: format!(
                "{code}: KAFKA_REPLICATION={} must be at most the number of brokers that are up, and odd where they \
                 are Redpanda; start the missing brokers, or set KAFKA_REPLICATION to 1 or 3",
                config.replication
            ),
        },
        code => BrokerError::from_code(doing, code),
    }
}

/// What the broker is asked by whoever only looks: where it refuses that, the topic is missing.
pub const TRYING_TO_CREATE: &str = "trying whether it would create the topic";

/// Has the broker say whether it would create the topic; nothing is created.
pub(crate) fn try_to_create(config: &Config) -> Result<(), BrokerError> {
    let admin = admin(config)?;
    let options = options().validate_only(true);
    let essential: Vec<_> = settings(config).into_iter().filter(|(name, _)| ESSENTIAL.contains(name)).collect();
    create_by(&admin, config, &essential, &options).map_err(|code| not_created(config, TRYING_TO_CREATE, code))
}

fn create_with(admin: &Admin, config: &Config, settings: &[(&str, String)]) -> Result<(), RDKafkaErrorCode> {
    create_by(admin, config, settings, &options())
}

fn create_by(
    admin: &Admin,
    config: &Config,
    settings: &[(&str, String)],
    options: &AdminOptions,
) -> Result<(), RDKafkaErrorCode> {
    let replication = TopicReplication::Fixed(config.replication.into());
    let topic =
        settings.iter().fold(NewTopic::new(&config.topic, config.partitions, replication), |topic, (name, value)| {
            topic.set(name, value)
        });
    let results =
        Handle::current().block_on(admin.create_topics([&topic], options)).map_err(|error| admin_code(&error))?;
    match results.into_iter().next() {
        Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => Err(code),
        _ => Ok(()),
    }
}

/// The controller has it before every broker knows of it.
fn await_topic(connection: &Connection, config: &Config) -> Result<(), BrokerError> {
    let deadline = Instant::now() + CALL_TIMEOUT;
    while Instant::now() < deadline {
        if ffi::describe_topic(connection.client(), &config.topic, CALL_TIMEOUT)?.is_some() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(BrokerError::timed_out("waiting for the created topic", CALL_TIMEOUT))
}

fn topic_configs(admin: &Admin, topic: &str) -> Result<HashMap<String, String>, BrokerError> {
    describe(admin, ResourceSpecifier::Topic(topic))
        .map(entries)
        .map_err(|code| BrokerError::from_code("reading the topic's settings", code))
}

/// Many clusters keep this to themselves; then it is not known.
fn auto_create(admin: &Admin, broker: i32) -> Option<bool> {
    let resource = describe(admin, ResourceSpecifier::Broker(broker)).ok()?;
    entries(resource).get("auto.create.topics.enable").map(|value| value == "true")
}

fn describe(admin: &Admin, resource: ResourceSpecifier<'_>) -> Result<ConfigResource, RDKafkaErrorCode> {
    let results = Handle::current()
        .block_on(admin.describe_configs([&resource], &options()))
        .map_err(|error| admin_code(&error))?;
    results.into_iter().next().unwrap_or(Err(RDKafkaErrorCode::Fail))
}

fn entries(resource: ConfigResource) -> HashMap<String, String> {
    resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
}

fn admin_code(error: &rdkafka::error::KafkaError) -> RDKafkaErrorCode {
    match error {
        rdkafka::error::KafkaError::AdminOp(code) => *code,
        other => other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_replicas_are_refused_with_the_setting_and_what_it_may_be() {
        let config = Config { replication: 2, ..Config::new("a:1", "events") };
        let refused = not_created(&config, TRYING_TO_CREATE, RDKafkaErrorCode::InvalidReplicationFactor).to_string();
        assert!(refused.contains("KAFKA_REPLICATION=2") && refused.contains("odd"), "{refused}");
        assert!(refused.contains(TRYING_TO_CREATE), "{refused}");
        let silent = not_created(&config, TRYING_TO_CREATE, RDKafkaErrorCode::RequestTimedOut);
        assert!(silent.is_transient(), "{silent}");
    }
}
