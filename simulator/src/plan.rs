//! What is going to be sent and what breaks meanwhile, as data.
//!
//! A plan is made from a seed before the first byte goes out, so that a run can
//! be printed, judged against and made again. Nothing in here knows a clock, a
//! socket or a random source other than the seed.

mod attack;
mod draft;
mod event_maker;
mod faults;
mod print;
mod run_id;
mod sequence;
mod spoken;
mod topics;

use std::time::Duration;

use serde::Serialize;

pub use attack::Attack;
pub use draft::Draft;
pub use event_maker::EventMaker;
pub use faults::{
    ACCEPT_LAYOUT_CHANGE, Act, Beside, Break, Codec, DatabaseFault, Expect, Fault, Injection, Link, LogFault, Nature,
    Offsets, STALLED_AFTER, Setting, When, Who,
};
pub use run_id::{RunId, RunIdError};
pub use sequence::{BatchSizes, Load, plan_load, sequence_with_repeats};
pub use topics::topic_names;

/// Position of an event in [`Plan::events`].
pub type EventIndex = usize;

/// Everything a run sends, in order.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// What the plan was made from, together with the scenario and its size.
    pub seed: u64,
    /// Sets this run's topics and ids apart from every other run's.
    pub run: RunId,
    /// Requests in flight at once, at most.
    pub concurrency: usize,
    /// The topics, each with the run's prefix.
    pub topics: Vec<String>,
    /// Every distinct event. Two of them may bear the same id: a conflict.
    pub events: Vec<PlannedEvent>,
    /// The requests, in the order in which they start.
    pub requests: Vec<PlannedRequest>,
    /// The stack that the plan needs, where it breaks things.
    pub setting: Setting,
    /// What breaks meanwhile, in order. None where any server will do.
    pub injections: Vec<Injection>,
    /// What must be found afterwards if the faults have struck.
    pub expects: Vec<Expect>,
}

/// One distinct event, ready to be sent as often as the requests say.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedEvent {
    /// Position in [`Plan::topics`].
    pub topic: usize,
    /// The event's id.
    pub event_id: String,
    /// The event as JSON; each copy is sent in exactly these bytes.
    pub json: String,
}

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedRequest {
    /// A phase starts when every request of the one before has its answer.
    pub phase: u32,
    /// Not sent earlier than this, counted from the start of its phase.
    pub at: Duration,
    /// What it carries.
    pub content: Content,
}

/// What a request carries.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Valid events.
    Events {
        /// The form of the body.
        shape: Shape,
        /// What is in it, in order; an event may occur more than once.
        events: Vec<EventIndex>,
        /// How the body is written to the connection.
        pace: Pace,
    },
    /// Something that has to be refused.
    Probe(Probe),
    /// What anybody may ask at any time, and has to be answered 200.
    Read {
        /// Who is asked.
        port: Port,
        /// Path and query.
        path: &'static str,
    },
}

/// A port that answers HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// The api's.
    Api,
    /// The first consumer's, where the stack is the simulator's own.
    Consumer,
}

/// The three forms that a body of events can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `{…}`: exactly one event.
    Single,
    /// `[…]`
    Array,
    /// `{"events":[…]}`
    Wrapped,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// In one go.
    Whole,
    /// In this many pieces of about equal size, with a pause between two.
    Trickled {
        /// Number of pieces, at least 1.
        pieces: usize,
        /// Pause between two pieces.
        pause: Duration,
    },
}

/// A request that a right server refuses.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// What is wrong with it, for the report.
    pub wrong: String,
    /// HTTP method.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Content type, if one is sent.
    pub content_type: Option<&'static str>,
    /// The body.
    #[serde(serialize_with = "only_the_length")]
    pub body: Vec<u8>,
    /// The statuses that are right answers.
    pub refused_with: Vec<u16>,
}

impl Plan {
    /// Copies of events that are sent in total.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.requests.iter().map(|request| request.content.events().len()).sum()
    }

    /// The first phase that waits for an injection; `u32::MAX` if none does.
    #[must_use]
    pub fn first_held_phase(&self) -> u32 {
        held_phase(&self.injections).unwrap_or(u32::MAX)
    }

    /// The topic's name of an event.
    #[must_use]
    pub fn topic_of(&self, event: EventIndex) -> &str {
        &self.topics[self.events[event].topic]
    }

    /// The bytes of a request's body.
    #[must_use]
    pub fn body(&self, content: &Content) -> Vec<u8> {
        let (shape, events) = match content {
            Content::Probe(probe) => return probe.body.clone(),
            Content::Read { .. } => return Vec::new(),
            Content::Events { shape, events, .. } => (shape, events),
        };
        let (open, close) = match shape {
            Shape::Single => ("", ""),
            Shape::Array => ("[", "]"),
            Shape::Wrapped => (r#"{"events":["#, "]}"),
        };
        let mut body =
            Vec::with_capacity(64 + events.iter().map(|event| self.events[*event].json.len() + 1).sum::<usize>());
        body.extend_from_slice(open.as_bytes());
        for (n, event) in events.iter().enumerate() {
            if n > 0 {
                body.push(b',');
            }
            body.extend_from_slice(self.events[*event].json.as_bytes());
        }
        body.extend_from_slice(close.as_bytes());
        body
    }
}

impl Content {
    /// The events in it; none in a probe or a read.
    #[must_use]
    pub fn events(&self) -> &[EventIndex] {
        match self {
            Self::Events { events, .. } => events,
            Self::Probe(_) | Self::Read { .. } => &[],
        }
    }
}

/// The first phase that waits for one of these injections.
pub(crate) fn held_phase(injections: &[Injection]) -> Option<u32> {
    injections.iter().find_map(|injection| match injection.when {
        When::Before(phase) => Some(phase),
        _ => None,
    })
}

fn only_the_length<S: serde::Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{} bytes", body.len()))
}
