//! What the API knows about the others right now: kept by [`crate::log_watch`], read by health
//! checks and by whoever has to decide whether waiting is worth it.

use std::sync::Arc;

use broker::GroupState;
use store::LogId;
use tokio::sync::watch;

/// Whether somebody answered at the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not once since the start.
    #[default]
    Never,
    /// Yes.
    Up,
    /// Not any more.
    Down,
}

/// A snapshot; seconds old at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) broker: Reach,
    pub(crate) database: Reach,
    /// Whether the Kafka topic was found fit once; before that "kept" would be a claim about an unknown log.
    pub(crate) topic_verified: bool,
    /// Why the broker would have us take nothing, and what to do about it.
    pub(crate) topic_refused: Option<Arc<str>>,
    /// Why the log's layout forbids to take anything, and what to do about it.
    pub(crate) layout_refused: Option<Arc<str>>,
    /// The current life of the Kafka topic, once broker and database have both been asked.
    pub(crate) log: Option<LogId>,
    /// Its topic's id, where the broker has one.
    pub(crate) topic_id: Option<String>,
    /// The consumer group; none while the broker does not tell.
    pub(crate) group: Option<GroupState>,
}

impl Facts {
    /// Whether nothing can be stored now, so that a wait for a verdict only holds the publisher up.
    pub(crate) fn waiting_is_hopeless(&self) -> bool {
        let nobody_reads = self.group.as_ref().is_some_and(|group| group.members == 0);
        self.database != Reach::Up || self.log.is_none() || nobody_reads
    }

    /// Why no events are taken now, if so.
    pub(crate) fn refusal(&self) -> Option<Arc<str>> {
        if !self.topic_verified && self.topic_refused.is_none() {
            return Some(Arc::from("the Kafka topic has not been verified yet"));
        }
        self.topic_refused.clone().or_else(|| self.layout_refused.clone())
    }

    /// Ready once broker and database have both told which log this is; then only the broker counts,
    /// since a dead database does not stop publishing.
    pub(crate) fn is_ready(&self) -> bool {
        self.broker == Reach::Up && self.log.is_some() && self.refusal().is_none()
    }

    /// Whether events are taken and stored, and their verdicts can be read.
    pub(crate) fn is_healthy(&self) -> bool {
        self.is_ready() && self.database == Reach::Up && self.consumer_running()
    }

    /// Whether somebody stores what is published.
    pub(crate) fn consumer_running(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.members_with_partitions > 0)
    }
}

/// Where the snapshot is kept. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    facts: Arc<watch::Sender<Facts>>,
}

impl Board {
    pub(crate) fn new() -> Board {
        Board { facts: Arc::new(watch::Sender::new(Facts::default())) }
    }

    /// The snapshot, for a moment: never held over an await.
    pub(crate) fn now(&self) -> watch::Ref<'_, Facts> {
        self.facts.borrow()
    }

    pub(crate) fn note(&self, change: impl FnOnce(&mut Facts)) {
        self.facts.send_modify(change);
    }

    /// Notes whether the broker answered; says so in the log when that changes.
    pub(crate) fn broker_answered(&self, answered: bool) {
        self.note(|facts| facts.broker = turn("broker", facts.broker, answered));
    }

    /// Notes whether the database answered; says so in the log when that changes.
    pub(crate) fn database_answered(&self, answered: bool) {
        self.note(|facts| facts.database = turn("database", facts.database, answered));
    }
}

fn turn(who: &str, was: Reach, answered: bool) -> Reach {
    match (was, answered) {
        (Reach::Never, false) => Reach::Never,
        (Reach::Up, false) => {
            tracing::warn!("the {who} does not answer");
            Reach::Down
        }
        (Reach::Down, false) => Reach::Down,
        (Reach::Up, true) => Reach::Up,
        (Reach::Never | Reach::Down, true) => {
            tracing::info!("the {who} answers");
            Reach::Up
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Facts {
        Facts {
            broker: Reach::Up,
            database: Reach::Up,
            topic_verified: true,
            log: Some(1),
            group: Some(GroupState { members: 1, members_with_partitions: 1, partitions: 8 }),
            ..Facts::default()
        }
    }

    #[test]
    fn not_ready_until_both_have_answered_once() {
        assert!(!Facts::default().is_ready());
        assert!(!Facts { log: None, ..running() }.is_ready());
        assert!(!Facts { broker: Reach::Never, ..running() }.is_ready());
        assert!(running().is_ready());
    }

    #[test]
    fn later_a_dead_database_leaves_it_ready_and_a_dead_broker_does_not() {
        assert!(Facts { database: Reach::Down, ..running() }.is_ready());
        assert!(!Facts { broker: Reach::Down, ..running() }.is_ready());
    }

    #[test]
    fn nothing_is_taken_before_the_topic_is_verified_or_while_it_is_refused() {
        assert!(Facts::default().refusal().is_some());
        assert!(running().refusal().is_none());
        let compacted = Some(Arc::from("cleanup.policy=compact would erase events"));
        assert!(Facts { topic_refused: compacted.clone(), ..running() }.refusal().is_some());
        assert!(Facts { layout_refused: compacted, ..running() }.refusal().is_some());
    }

    #[test]
    fn who_calls_itself_healthy_takes_stores_and_gives_verdicts() {
        assert!(running().is_healthy());
        assert!(!Facts { log: None, ..running() }.is_healthy());
        assert!(!Facts { database: Reach::Down, ..running() }.is_healthy());
        assert!(!Facts { layout_refused: Some(Arc::from("more partitions")), ..running() }.is_healthy());
        let joining = Some(GroupState { members: 1, members_with_partitions: 0, partitions: 0 });
        assert!(!Facts { group: joining, ..running() }.is_healthy());
    }

    #[test]
    fn waiting_is_hopeless_without_a_database_or_a_consumer() {
        assert!(!running().waiting_is_hopeless());
        assert!(Facts { database: Reach::Down, ..running() }.waiting_is_hopeless());
        assert!(Facts { log: None, ..running() }.waiting_is_hopeless());
        let nobody = Some(GroupState { members: 0, members_with_partitions: 0, partitions: 0 });
        assert!(Facts { group: nobody, ..running() }.waiting_is_hopeless());
    }

    #[test]
    fn waiting_is_tried_while_the_group_is_unknown_or_rebalancing() {
        assert!(!Facts { group: None, ..running() }.waiting_is_hopeless());
        let joining = Some(GroupState { members: 1, members_with_partitions: 0, partitions: 0 });
        assert!(!Facts { group: joining, ..running() }.waiting_is_hopeless());
    }
}
