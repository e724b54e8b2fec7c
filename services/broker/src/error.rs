//! What can go wrong with the log, by what the caller can do about it.
//!
//! A refusal to append is not here: it is an answer, and has its own type.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why the log could not be opened, read or described.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// librdkafka refused a setting: correct it and start again.
    #[error("the Kafka settings are refused: {reason}")]
    Settings {
        /// What librdkafka said.
        reason: String,
    },
    /// No answer in time: try again later, nothing has changed.
    #[error("the Kafka broker did not answer ({doing}): {reason}")]
    Unreachable {
        /// What was asked of it.
        doing: &'static str,
        /// What librdkafka said.
        reason: String,
    },
    /// The broker answered with an error: look at rights and settings.
    #[error("the Kafka broker refused ({doing}): {reason}")]
    Refused {
        /// What was asked of it.
        doing: &'static str,
        /// What the broker said.
        reason: String,
    },
    /// The topic is not there: create it (`ensure_topic`), or correct its name.
    #[error("there is no Kafka topic {topic:?}")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// The topic would lose or refuse events: change it as told, then start again.
    #[error("the Kafka topic {topic:?} can't be used: {problem}\nrun: {command}")]
    UnfitTopic {
        /// Its name.
        topic: String,
        /// What is wrong with it and what would come of it.
        problem: String,
        /// The command that mends it.
        command: String,
    },
    /// A worker of this process has gone: restart the process.
    #[error("a worker of the Kafka client is gone: {reason}")]
    Gone {
        /// What is known about it.
        reason: String,
    },
}

impl BrokerError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the broker has answered: with what is wrong with the topic, or with what it refuses.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        match self {
            Self::UnfitTopic { .. } | Self::NoTopic { .. } | Self::Refused { .. } => true,
            Self::Unreachable { .. } | Self::Settings { .. } | Self::Gone { .. } => false,
        }
    }

    /// What the other side said, without what was being asked of it: the same for as long as the cause
    /// is the same.
    #[must_use]
    pub fn said(&self) -> String {
        match self {
            Self::Unreachable { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }

    /// librdkafka's error while `doing`, sorted by what the caller can do.
    pub(crate) fn from_kafka(doing: &'static str, error: &KafkaError) -> Self {
        let reason = error.to_string();
        match error {
            KafkaError::ClientConfig(_, said, name, _) => Self::Settings { reason: without_value(said, name) },
            KafkaError::ClientCreation(_) => Self::Settings { reason },
            KafkaError::Canceled => Self::Gone { reason },
            KafkaError::AdminOp(code) => Self::from_code(doing, *code),
            other => match other.rdkafka_error_code() {
                Some(code) => Self::from_code(doing, code),
                None => Self::Refused { doing, reason },
            },
        }
    }

    /// The same for a bare code.
    pub(crate) fn from_code(doing: &'static str, code: RDKafkaErrorCode) -> Self {
        let reason = code.to_string();
        if is_outage(code) { Self::Unreachable { doing, reason } } else { Self::Refused { doing, reason } }
    }

    pub(crate) fn timed_out(doing: &'static str, after: Duration) -> Self {
        Self::Unreachable { doing, reason: format!("no answer within {} ms", after.as_millis()) }
    }
}

/// librdkafka repeats the value that it refuses, and that may be a secret.
fn without_value(said: &str, name: &str) -> String {
    match said.split_once("not supported in this build") {
        Some((_, why)) => format!("KAFKA_PROPERTIES: {name} is not supported in this build{why}"),
        None => format!("KAFKA_PROPERTIES: librdkafka does not take the value of {name}"),
    }
}

/// Codes that mean "not now": no connection, no leader, still starting.
fn is_outage(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as E;
    matches!(
        code,
        E::BrokerTransportFailure
            | E::AllBrokersDown
            | E::Resolve
            | E::OperationTimedOut
            | E::TimedOutQueue
            | E::RequestTimedOut
            | E::LeaderNotAvailable
            | E::NotLeaderForPartition
            | E::ReplicaNotAvailable
            | E::BrokerNotAvailable
            | E::NetworkException
            | E::CoordinatorLoadInProgress
            | E::CoordinatorNotAvailable
            | E::NotCoordinator
            | E::NotController
    )
}
