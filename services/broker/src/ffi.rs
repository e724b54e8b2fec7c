//! The calls into librdkafka that rust-rdkafka does not wrap.
//!
//! The only place of the workspace with unsafe code: the files below this one. Nothing
//! decides there: each function makes one call and copies its answer into plain values.
//! Everything that librdkafka hands out lives as long as the event or message it came with,
//! so nothing borrowed leaves a function.

#![allow(unsafe_code)]

mod admin;
mod events;
mod list;
mod native;
mod partitioner;
mod reports;

pub(crate) use admin::{
    AclOperation, Isolation, TopicDescription, cluster_id, describe_topic, describe_topic_with_operations,
    group_operations, list_offsets,
};
pub(crate) use events::{Event, Events, Failure};
pub(crate) use list::metadata;
pub(crate) use partitioner::murmur2_partition;
#[cfg(test)]
pub(crate) use reports::raise_fatal_error;
pub(crate) use reports::{Persisted, persisted};
