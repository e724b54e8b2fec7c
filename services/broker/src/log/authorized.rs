//! What we may do with the topic and the group, as the broker tells it, against what the processes need.

use super::LogClient;
use super::acls::Operation;
use super::connection::CALL_TIMEOUT;
use crate::BrokerError;
use crate::ffi::{self, AclOperation};

/// What the processes need of the topic: what for, and who.
const OF_TOPIC: [(Operation, &str); 4] = [
    (Operation::Describe, "the api and the consumer find the topic by it"),
    (Operation::DescribeConfigs, "the api and the consumer verify the topic by it"),
    (Operation::Write, "the api appends by it"),
    (Operation::Read, "the consumer reads by it"),
];
/// What the processes need of the group.
const OF_GROUP: [(Operation, &str); 2] = [
    (Operation::Describe, "the api sees by it whether anybody stores"),
    (Operation::Read, "the consumer is a member of the group by it"),
];

/// What was found out about the rights on the topic or the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// All that is needed is allowed.
    Enough,
    /// These are not allowed.
    Missing(Vec<(Operation, &'static str)>),
    /// The broker does not tell.
    Untold,
}

impl LogClient {
    /// What is missing of what is needed of the topic.
    ///
    /// # Errors
    /// [`BrokerError::NoTopic`]; [`BrokerError::Refused`] where not even Describe is allowed.
    pub async fn topic_rights(&self) -> Result<Rights, BrokerError> {
        self.ask(|inner| {
            let topic = &inner.config.topic;
            let description = ffi::describe_topic_with_operations(inner.connection.client(), topic, CALL_TIMEOUT)?
                .ok_or_else(|| BrokerError::NoTopic { topic: topic.clone() })?;
            Ok(compare(&OF_TOPIC, description.operations.as_deref()))
        })
        .await
    }

    /// What is missing of what is needed of the group. For a command that ends within minutes:
    /// librdkafka is left with a request that has no end of its own.
    ///
    /// # Errors
    /// [`BrokerError::Refused`] where not even Describe is allowed.
    pub async fn group_rights(&self, group: &str) -> Result<Rights, BrokerError> {
        let group = group.to_owned();
        self.ask(move |inner| {
            let told = ffi::group_operations(inner.connection.client(), &group, CALL_TIMEOUT)?;
            Ok(compare(&OF_GROUP, told.as_deref()))
        })
        .await
    }
}

fn compare(needed: &[(Operation, &'static str)], told: Option<&[AclOperation]>) -> Rights {
    let Some(told) = told else { return Rights::Untold };
    let missing = |(operation, _): &&(Operation, &str)| !told.contains(&operation.of_kafka());
    let missing: Vec<_> = needed.iter().filter(missing).copied().collect();
    if missing.is_empty() { Rights::Enough } else { Rights::Missing(missing) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::log::acls::kafka_acls;
    use AclOperation::{
        RD_KAFKA_ACL_OPERATION_DESCRIBE as DESCRIBE, RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS as DESCRIBE_CONFIGS,
        RD_KAFKA_ACL_OPERATION_READ as READ, RD_KAFKA_ACL_OPERATION_WRITE as WRITE,
    };

    #[test]
    fn each_right_that_is_needed_and_not_told_is_missing() {
        let all = [READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS];
        assert_eq!(compare(&OF_TOPIC, Some(&all)), Rights::Enough);
        for taken in all {
            let left: Vec<_> = all.into_iter().filter(|operation| *operation != taken).collect();
            let Rights::Missing(missing) = compare(&OF_TOPIC, Some(&left)) else { panic!("{taken:?}") };
            assert_eq!(missing.iter().map(|(operation, _)| operation.of_kafka()).collect::<Vec<_>>(), [taken]);
        }
    }

    #[test]
    fn nothing_allowed_is_not_the_same_as_nothing_told() {
        let Rights::Missing(missing) = compare(&OF_GROUP, Some(&[])) else { panic!() };
        assert_eq!(missing.len(), OF_GROUP.len());
        assert_eq!(compare(&OF_GROUP, None), Rights::Untold);
    }

    #[test]
    fn the_command_names_what_is_missing() {
        let command =
            kafka_acls(&Config::new("a:1", "events"), &[Operation::DescribeConfigs, Operation::Read], "--topic events");
        assert!(
            command
                .ends_with("--allow-principal User:NAME --operation DescribeConfigs --operation Read --topic events")
        );
    }
}
