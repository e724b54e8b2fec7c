//! The operations that Kafka allows or forbids.

use crate::Config;
use crate::ffi::AclOperation;

/// An operation that a process needs, by the name that Kafka's tools know it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To create the topic.
    Create,
    /// To find the topic or the group.
    Describe,
    /// To read the topic's settings.
    DescribeConfigs,
    /// To read records, or to be a member of the group.
    Read,
    /// To append records.
    Write,
}

impl Operation {
    pub(super) fn of_kafka(self) -> AclOperation {
        match self {
            Operation::Create => AclOperation::RD_KAFKA_ACL_OPERATION_CREATE,
            Operation::Describe => AclOperation::RD_KAFKA_ACL_OPERATION_DESCRIBE,
            Operation::DescribeConfigs => AclOperation::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
            Operation::Read => AclOperation::RD_KAFKA_ACL_OPERATION_READ,
            Operation::Write => AclOperation::RD_KAFKA_ACL_OPERATION_WRITE,
        }
    }
}

/// The command that allows operations: `resource` is as `kafka-acls.sh` takes it, `--topic events`.
#[must_use]
pub fn kafka_acls(config: &Config, operations: &[Operation], resource: &str) -> String {
    let operations: Vec<String> = operations.iter().map(|operation| format!("--operation {operation:?}")).collect();
    let (brokers, operations) = (&config.brokers, operations.join(" "));
    format!("kafka-acls.sh --bootstrap-server {brokers} --add --allow-principal User:NAME {operations} {resource}")
}
