//! The ids of a plan, and how a row is recognised as one of its events.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::json::same_json;
use super::row::{Content, IdIndex, Row};
use crate::plan::{EventIndex, Plan};
use crate::server::StoredEvent;

/// Every `(topic, event_id)` of a plan with the events that bear it.
#[derive(Clone, Debug)]
pub struct Ledger {
    topics: HashMap<String, usize>,
    ids: Vec<HashMap<String, IdIndex>>,
    of_event: Vec<IdIndex>,
    events: Vec<Vec<EventIndex>>,
}

#[derive(Deserialize)]
struct Body {
    timestamp: String,
    source: String,
    #[serde(default = "empty")]
    payload: Value,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Ledger {
    /// The ids of this plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let mut ids = vec![HashMap::new(); plan.topics.len()];
        let mut events: Vec<Vec<EventIndex>> = Vec::new();
        let mut of_event = Vec::with_capacity(plan.events.len());
        for (index, event) in plan.events.iter().enumerate() {
            let id = *ids[event.topic].entry(event.event_id.clone()).or_insert(events.len());
            if id == events.len() {
                events.push(Vec::new());
            }
            events[id].push(index);
            of_event.push(id);
        }
        let topics = plan.topics.iter().cloned().enumerate().map(|(index, name)| (name, index)).collect();
        Self { topics, ids, of_event, events }
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The id of an event.
    #[must_use]
    pub fn id_of(&self, event: EventIndex) -> IdIndex {
        self.of_event[event]
    }

    /// The events that bear this id: more than one where the plan contradicts itself.
    #[must_use]
    pub fn events_of(&self, id: IdIndex) -> &[EventIndex] {
        &self.events[id]
    }

    /// Whether two events of one id bear the same payload.
    #[must_use]
    pub fn same_payload(plan: &Plan, a: EventIndex, b: EventIndex) -> bool {
        let payload =
            |event: EventIndex| serde_json::from_str::<Body>(&plan.events[event].json).map(|body| body.payload);
        a == b || matches!((payload(a), payload(b)), (Ok(a), Ok(b)) if same_json(&a, &b))
    }

    /// Position of a topic in the plan.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<usize> {
        self.topics.get(name).copied()
    }

    /// `topic/event_id`, for people.
    #[must_use]
    pub fn name(&self, plan: &Plan, id: IdIndex) -> String {
        let event = self.events[id][0];
        format!("{}/{}", plan.topic_of(event), plan.events[event].event_id)
    }

    /// Recognises a row listed under `topic`; else says what is there that nobody
    /// sent.
    pub fn recognise(&self, plan: &Plan, topic: &str, row: &StoredEvent) -> Result<Row, String> {
        let id = self.topic(&row.topic).and_then(|index| self.ids[index].get(&row.event_id));
        match id {
            Some(id) if row.topic == topic => {
                Ok(Row { id: *id, content: self.content(plan, *id, row), position: (row.partition, row.offset) })
            }
            Some(_) => Err(format!("{}/{}, listed under {topic}", row.topic, row.event_id)),
            None => Err(format!("{}/{}", row.topic, row.event_id)),
        }
    }

    fn content(&self, plan: &Plan, id: IdIndex, row: &StoredEvent) -> Content {
        let mut difference = String::new();
        for event in &self.events[id] {
            difference = match difference_from(&plan.events[*event].json, row) {
                None => return Content::Of(*event),
                Some(difference) => difference,
            };
        }
        Content::Altered(difference)
    }
}

fn difference_from(sent: &str, row: &StoredEvent) -> Option<String> {
    let Ok(sent) = serde_json::from_str::<Body>(sent) else {
        return Some("planned as something that is no event".to_owned());
    };
    if sent.source != row.source {
        return Some(format!("source {:?} became {:?}", sent.source, row.source));
    }
    if instant(&sent.timestamp) != instant(&row.timestamp) || instant(&row.timestamp).is_none() {
        return Some(format!("timestamp {} became {}", sent.timestamp, row.timestamp));
    }
    (!same_json(&sent.payload, &row.payload)).then(|| format!("payload {} became {}", sent.payload, row.payload))
}

/// The moment that a timestamp names; without a zone, in UTC.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    zoned.ok().or_else(|| text.parse::<NaiveDateTime>().ok().map(|time| time.and_utc()))
}
