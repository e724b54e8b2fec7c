//! What the consumer knows about broker, database and topic: told by whoever meets them, read by the
//! health check, and said once in the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reminder::Reminder;
use store::StoreError;

use crate::error::ConsumerError;

/// Whether events are being stored, for the health check. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Whose news they are: each writer has a number, and who prepares and watches has 0.
    by: usize,
    started: Arc<AtomicBool>,
    parts: Arc<[Mutex<State>; 3]>,
    stalled: Arc<Mutex<Vec<String>>>,
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
    has_worked: bool,
    /// Who can't use it, and why. While it works for one writer and not for another, it fails.
    failing: BTreeMap<usize, String>,
    told: Reminder,
}

impl Status {
    /// The same, with news of another one.
    pub(crate) fn by(&self, by: usize) -> Status {
        Status { by, ..self.clone() }
    }

    /// Whether broker and database have both answered, and the group was joined.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// Whether it did the last thing that was asked of it, by each who asked; none if it never has.
    #[must_use]
    pub fn works(&self, part: Part) -> Option<bool> {
        let state = self.state(part);
        state.has_worked.then(|| state.failing.is_empty())
    }

    /// Why it does not, in its own words.
    #[must_use]
    pub fn said(&self, part: Part) -> Option<String> {
        self.state(part).failing.values().next().cloned()
    }

    /// What is to be said of each partition that stands still.
    #[must_use]
    pub fn stalled(&self) -> Vec<String> {
        self.stalled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes which partitions stand still, in words; no others do.
    pub(crate) fn stand_still(&self, said: Vec<String>) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }

    /// Notes that it works, or that nothing is asked of it; says so in the log if nobody is left for
    /// whom it does not.
    pub(crate) fn working(&self, part: Part) {
        let mut state = self.state(part);
        state.has_worked = true;
        state.failing.remove(&self.by);
        if state.failing.is_empty()
            && let Some(lasted) = state.told.works(Instant::now())
        {
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
            ConsumerError::Broker(error) if error.is_an_answer() => {
                self.working(Part::Broker);
                self.fails(Part::Topic, error.to_string());
            }
            ConsumerError::Broker(error) => self.fails(Part::Broker, error.said()),
            ConsumerError::Store(error @ StoreError::LayoutChanged { .. }) => {
                self.fails(Part::Topic, error.to_string());
            }
            ConsumerError::Store(error) => self.fails(Part::Database, error.to_string()),
            ConsumerError::NoOffsets { .. } | ConsumerError::Failed(_) => self.fails(Part::Broker, error.to_string()),
        }
    }

    pub(crate) fn fails(&self, part: Part, said: String) {
        let mut state = self.state(part);
        let for_s = state.told.fails(&said, Instant::now()).map(|lasted| lasted.as_secs());
        match (part, for_s) {
            (_, None) => tracing::debug!(?part, "again: {said}"),
            (Part::Broker, Some(for_s)) => tracing::warn!(for_s, "the broker can't be used: {said}"),
            (Part::Database, Some(for_s)) => tracing::warn!(for_s, "storing is paused: {said}"),
            (Part::Topic, Some(for_s)) => tracing::error!(for_s, "the Kafka topic can't be used as it is: {said}"),
        }
        state.failing.insert(self.by, said);
    }

    // A poisoned state is still one: each change to it is an assignment.
    fn state(&self, part: Part) -> MutexGuard<'_, State> {
        self.parts[part as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use broker::BrokerError;

    use super::*;

    #[test]
    fn each_part_has_its_own_words_until_it_works() {
        let status = Status::default();
        status.failed(&ConsumerError::Store(StoreError::Encoding("LATIN1".to_owned())));
        status.failed(&ConsumerError::Broker(BrokerError::NoTopic { topic: "events".to_owned() }));
        status.working(Part::Broker);
        assert!(status.said(Part::Database).is_some_and(|said| said.contains("LATIN1")));
        assert!(status.said(Part::Topic).is_some_and(|said| said.contains("events")));
        let works = [Part::Broker, Part::Database, Part::Topic].map(|part| status.works(part));
        assert_eq!(works, [Some(true), None, None]);
        status.working(Part::Database);
        assert_eq!((status.works(Part::Database), status.said(Part::Database)), (Some(true), None));
    }

    #[test]
    fn it_fails_until_it_works_for_each_writer() {
        let status = Status::default();
        let [first, second] = [status.by(1), status.by(2)];
        first.working(Part::Database);
        first.fails(Part::Database, "locked".to_owned());
        second.fails(Part::Database, "timed out".to_owned());
        second.working(Part::Database);
        assert_eq!((status.works(Part::Database), status.said(Part::Database)), (Some(false), Some("locked".into())));
        assert_eq!(status.state(Part::Database).told.works(Instant::now()).map(|_| ()), Some(()), "its end is untold");
        first.working(Part::Database);
        assert_eq!((status.works(Part::Database), status.said(Part::Database)), (Some(true), None));
    }

    #[test]
    fn what_the_broker_refuses_is_said_of_the_topic_and_ends_the_brokers_outage() {
        let status = Status::default();
        let refused = || BrokerError::Refused { doing: "asking", reason: "Topic authorization failed".to_owned() };
        status.failed(&ConsumerError::Broker(BrokerError::Unreachable { doing: "asking", reason: "down".to_owned() }));
        assert_eq!((status.works(Part::Broker), status.said(Part::Broker)), (None, Some("down".to_owned())));
        status.failed(&ConsumerError::Broker(refused()));
        assert_eq!((status.works(Part::Broker), status.said(Part::Broker)), (Some(true), None));
        assert_eq!(status.said(Part::Topic), Some(refused().to_string()));
    }
}
