//! One event.

use crate::{EventId, Payload, Source, Timestamp, Topic};

/// Something that happened: the unit that is published, kept and counted, once per topic and
/// event id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub topic: Topic,
    /// What tells it from the others of its topic.
    pub event_id: EventId,
    /// When it happened, by its source's clock.
    pub timestamp: Timestamp,
    /// Who says so.
    pub source: Source,
    /// What the source says about it.
    pub payload: Payload,
}
