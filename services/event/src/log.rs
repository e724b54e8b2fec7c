//! The log, as far as whoever appends to it and whoever stores from it have to agree: which one it is,
//! and what decides where in it an event goes.

use crate::Event;

/// What tells one log from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The Kafka cluster's id.
    pub cluster_id: String,
    /// The Kafka topic's name.
    pub kafka_topic: String,
    /// The topic's id, another one after each creation; none where the broker has none (Redpanda
    /// before 25.3).
    pub topic_id: Option<String>,
    /// How many partitions the topic has.
    pub partitions: i32,
    /// What decides an event's partition.
    pub partition_by: PartitionBy,
}

/// What decides an event's partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartitionBy {
    /// The event's topic: events of one topic keep their order, and copies of an event meet in one
    /// partition.
    #[default]
    Topic,
    /// Topic and event id: a hot topic is spread over all partitions and gives up its order; copies
    /// still meet.
    Event,
}

impl PartitionBy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Topic, Self::Event];

    /// Its name, in settings and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Event => "event",
        }
    }
}

impl Event {
    /// The key of the event's record: records with one key are in one partition.
    #[must_use]
    pub fn partition_key(&self, by: PartitionBy) -> Vec<u8> {
        let (topic, event_id) = (self.topic.as_str().as_bytes(), self.event_id.as_str().as_bytes());
        match by {
            PartitionBy::Topic => topic.to_vec(),
            // NUL can't be part of either name, so two pairs never share a key.
            PartitionBy::Event => [topic, b"\0", event_id].concat(),
        }
    }
}
