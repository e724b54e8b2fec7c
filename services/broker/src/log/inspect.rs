//! Looking at cluster and topic without changing anything.

use event::LogIdentity;

use super::connection::CALL_TIMEOUT;
use super::{Inner, LogClient, TopicReport, config_check, topic};
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
    Fit(LogIdentity, TopicReport),
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
            let id = settled(client.fetch_cluster_id(CALL_TIMEOUT).unwrap_or_default())?;
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
            let report = TopicReport { partitions, replicas, findings };
            Ok(Inspected::Fit(inner.identity(found)?, report))
        })
        .await
    }
}

impl Inner {
    pub(super) fn identity(&self, topic: ffi::TopicDescription) -> Result<LogIdentity, BrokerError> {
        Ok(LogIdentity {
            cluster_id: settled(ffi::cluster_id(self.connection.client(), CALL_TIMEOUT)?)?,
            kafka_topic: self.config.topic.clone(),
            topic_id: topic.id,
            partitions: topic.partitions,
            partition_by: self.config.partition_by,
        })
    }
}

/// What is being done while the cluster has no id yet.
const SETTLING: &str = "waiting for the cluster's id";

/// The cluster's id, once it has one. Redpanda answers with a word in its place for some seconds
/// after its first start: taken for the id, it would make another log of this one when the id comes.
fn settled(cluster_id: String) -> Result<String, BrokerError> {
    if cluster_id.is_empty() || cluster_id == "redpanda.initializing" {
        let reason = format!("the cluster has no id yet (it says {cluster_id:?})");
        return Err(BrokerError::Unreachable { doing: SETTLING, reason });
    }
    Ok(cluster_id)
}

/// Whether the broker answers, and its cluster is still being formed.
#[must_use]
pub fn has_no_id_yet(error: &BrokerError) -> bool {
    matches!(error, BrokerError::Unreachable { doing: SETTLING, .. })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_cluster_without_an_id_has_not_answered_yet() {
        for unsettled in ["redpanda.initializing", ""] {
            let error = settled(unsettled.to_owned()).unwrap_err();
            assert!(error.is_transient() && has_no_id_yet(&error), "{unsettled:?}: {error:?}");
        }
        for id in ["redpanda.8b7d1f2e-7a53-4a0f-a8a2-0e1a4a1b6c55", "b25jZWxvZy1jb21wb3NlMA"] {
            assert!(settled(id.to_owned()).is_ok_and(|settled| settled == id), "{id}");
        }
    }

    #[tokio::test]
    async fn what_the_cluster_said_is_not_replaced_by_an_older_complaint() {
        let log = LogClient::open(&Config::new("127.0.0.1:1", "events")).unwrap();
        let refused = log.cluster().await.unwrap_err();
        assert!(refused.said().contains("Connection refused"), "{refused}");
        let unsettled = log.0.explained(settled("redpanda.initializing".to_owned()).unwrap_err());
        assert!(unsettled.said().contains("redpanda.initializing"), "{unsettled}");
    }
}
