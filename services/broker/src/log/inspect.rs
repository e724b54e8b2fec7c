//! Looking at cluster and topic without changing anything.

use super::{CALL_TIMEOUT, Identity, LogClient, TopicReport, config_check, topic};
use crate::{BrokerError, Config, ffi};

/// What the cluster says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its id.
    pub id: String,
    /// The addresses at which it wants to be spoken to, whatever address it was asked at.
    pub brokers: Vec<String>,
}

/// The topic, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// It is there, and fit to be the log.
    Fit(Identity, TopicReport),
    /// It is not there; the broker would create it by this command's settings.
    Missing {
        /// What creates it as it should be.
        command: String,
    },
}

impl LogClient {
    /// Whether a broker answers, and what it says of the cluster.
    pub async fn cluster(&self) -> Result<Cluster, BrokerError> {
        const DOING: &str = "asking for the cluster's brokers";
        self.ask(|inner| {
            let client = inner.connection.client();
            let metadata = client
                .fetch_metadata(Some(&inner.config.topic), CALL_TIMEOUT)
                .map_err(|error| BrokerError::from_kafka(DOING, &error))?;
            let brokers = metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port()));
            // Told by the metadata: nothing is asked again, at whichever address.
            let id = client.fetch_cluster_id(CALL_TIMEOUT).unwrap_or_default();
            Ok(Cluster { id, brokers: brokers.collect() })
        })
        .await
    }

    /// As [`LogClient::ensure_topic`], but creates nothing; where the topic is missing, the broker is
    /// asked whether it would create it.
    ///
    /// # Errors
    /// [`BrokerError::UnfitTopic`] where it would lose or refuse events; [`BrokerError::Refused`] where
    /// the broker would not create it.
    pub async fn inspect_topic(&self) -> Result<Inspected, BrokerError> {
        self.ask(|inner| {
            let (config, connection) = (&inner.config, &inner.connection);
            let Some(found) = ffi::describe_topic(connection.client(), &config.topic, CALL_TIMEOUT)? else {
                topic::try_to_create(config)?;
                return Ok(Inspected::Missing { command: create_command(config) });
            };
            let facts = topic::facts(connection, config)?;
            let findings = config_check::judge(config, &facts)?;
            let (partitions, replicas) = (facts.partitions, facts.replicas);
            let identity = Identity {
                cluster_id: ffi::cluster_id(connection.client(), CALL_TIMEOUT)?,
                topic: config.topic.clone(),
                topic_id: found.id,
                partitions,
            };
            Ok(Inspected::Fit(identity, TopicReport { created: false, partitions, replicas, findings }))
        })
        .await
    }
}

/// The command by which an operator creates the topic as it should be.
fn create_command(config: &Config) -> String {
    let Config { brokers, topic, partitions, replication, .. } = config;
    let settings = config_check::settings(config);
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("--config {name}={value}")).collect();
    let settings = settings.join(" ");
    format!(
        "kafka-topics.sh --bootstrap-server {brokers} --create --topic {topic} --partitions {partitions} \
         --replication-factor {replication} {settings}"
    )
}
