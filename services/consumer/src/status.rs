//! What the consumer knows about broker, database and topic: told by whoever meets them, read by the
//! health check, and said once in the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use broker::BrokerError;
use reminder::Reminder;
use store::StoreError;

use crate::error::ConsumerError;

/// Whether events are being stored, for the health check. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Status {
    started: Arc<AtomicBool>,
    parts: Arc<[Mutex<State>; 3]>,
}

/// What the consumer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The Kafka broker.
    Broker,
    /// PostgreSQL.
    Database,
    /// The Kafka topic, as it is set.
    Topic,
}

#[derive(Debug, Default)]
struct State {
    works: bool,
    said: Option<String>,
    told: Reminder,
}

impl Status {
    /// Whether broker and database have both answered, and the group was joined.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// Whether it did the last thing that was asked of it.
    #[must_use]
    pub fn works(&self, part: Part) -> bool {
        self.state(part).works
    }

    /// Why it does not, in its own words.
    #[must_use]
    pub fn said(&self, part: Part) -> Option<String> {
        self.state(part).said.clone()
    }

    pub(crate) fn working(&self, part: Part) {
        let mut state = self.state(part);
        (state.works, state.said) = (true, None);
        if let Some(lasted) = state.told.works(Instant::now()) {
            let after_s = lasted.as_secs();
            match part {
                Part::Broker => tracing::info!(after_s, "the broker can be used again"),
                Part::Database => tracing::info!(after_s, "storing goes on"),
                Part::Topic => tracing::info!(after_s, "the Kafka topic can be used again"),
            }
        }
    }

    /// Notes what failed, and why; says so in the log if that is new.
    pub(crate) fn failed(&self, error: &ConsumerError) {
        match error {
            ConsumerError::Broker(error @ (BrokerError::UnfitTopic { .. } | BrokerError::NoTopic { .. })) => {
                self.fails(Part::Topic, error.to_string());
            }
            ConsumerError::Broker(error) => self.fails(Part::Broker, error.said()),
            ConsumerError::Store(error @ StoreError::LayoutChanged { .. }) => {
                self.fails(Part::Topic, error.to_string());
            }
            ConsumerError::Store(error) => self.fails(Part::Database, error.to_string()),
            ConsumerError::NoWatermarks(_) | ConsumerError::Failed(_) => self.fails(Part::Broker, error.to_string()),
        }
    }

    pub(crate) fn fails(&self, part: Part, said: String) {
        let mut state = self.state(part);
        state.works = false;
        let for_s = state.told.fails(&said, Instant::now()).map(|lasted| lasted.as_secs());
        match (part, for_s) {
            (_, None) => tracing::debug!(?part, "again: {said}"),
            (Part::Broker, Some(for_s)) => tracing::warn!(for_s, "the broker can't be used: {said}"),
            (Part::Database, Some(for_s)) => tracing::warn!(for_s, "storing is paused: {said}"),
            (Part::Topic, Some(for_s)) => tracing::error!(for_s, "the Kafka topic can't be used as it is: {said}"),
        }
        state.said = Some(said);
    }

    // A poisoned state is still one: each change to it is an assignment.
    fn state(&self, part: Part) -> MutexGuard<'_, State> {
        self.parts[part as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_own_words_until_it_works() {
        let status = Status::default();
        status.failed(&ConsumerError::Store(StoreError::Encoding("LATIN1".to_owned())));
        status.failed(&ConsumerError::Broker(BrokerError::NoTopic { topic: "events".to_owned() }));
        status.working(Part::Broker);
        assert!(status.said(Part::Database).is_some_and(|said| said.contains("LATIN1")));
        assert!(status.said(Part::Topic).is_some_and(|said| said.contains("events")));
        assert!(status.works(Part::Broker) && !status.works(Part::Database) && !status.works(Part::Topic));
        status.working(Part::Database);
        assert_eq!((status.works(Part::Database), status.said(Part::Database)), (true, None));
    }
}
