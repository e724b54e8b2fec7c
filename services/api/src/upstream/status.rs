//! What the API knows about the others right now: kept by `log_watch`, read by health
//! checks and by whoever has to decide whether waiting is worth it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use broker::GroupState;
use reminder::Reminder;
use store::{Log, LogId};
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

/// What is known about the others: a snapshot, seconds old at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpstreamStatus {
    pub(crate) broker: Reach,
    pub(crate) database: Reach,
    /// Why the broker can't be used, in its words or librdkafka's.
    pub(crate) broker_said: Option<Arc<str>>,
    /// Why the database can't be used, in its words or the system's.
    pub(crate) database_said: Option<Arc<str>>,
    /// Whether the Kafka topic was found fit once; before that "kept" would be a claim about an unknown log.
    pub(crate) topic_verified: bool,
    /// Why the broker would have us take nothing, and what to do about it.
    pub(crate) topic_refused: Option<Arc<str>>,
    /// Whether the database has said how the log is laid out, or could not be asked; before that, an event could go
    /// to another partition than its copies.
    pub(crate) layout_asked: bool,
    /// Why the log's layout forbids to take anything, and what to do about it.
    pub(crate) layout_refused: Option<Arc<str>>,
    /// Why nothing is published on this copy of the database: it is another one, and the group may work with the
    /// original, or that is not decided yet.
    pub(crate) copy_refused: Option<Arc<str>>,
    /// The current incarnation of the Kafka topic, once broker and database have both been asked.
    pub(crate) log: Option<LogId>,
    /// Its topic's id, where the broker has one.
    pub(crate) topic_id: Option<String>,
    /// How many of its partitions events are published to, as the database keeps it.
    pub(crate) partitions: Option<i32>,
    /// The consumer group; none while the broker does not tell.
    pub(crate) group: Option<GroupState>,
    /// What is to be said of each partition that stands still.
    pub(crate) stalled: Arc<[String]>,
    /// Where the first transaction of another producer begins that has been open for a while, by partition.
    pub(crate) open_transactions: Arc<BTreeMap<i32, i64>>,
}

impl UpstreamStatus {
    /// Whether nothing can be stored now, so that a wait for a verdict only holds the publisher up.
    pub(crate) fn waiting_is_hopeless(&self) -> bool {
        let nobody_reads = self.group.as_ref().is_some_and(|group| group.members == 0);
        self.database != Reach::Up || self.log.is_none() || nobody_reads
    }

    /// Whether one of these positions lies behind an open transaction, and won't be read before that ends.
    pub(crate) fn lie_behind_a_transaction(&self, positions: &[(i32, i64)]) -> bool {
        let begin = |partition| self.open_transactions.get(partition);
        positions.iter().any(|(partition, offset)| begin(partition).is_some_and(|begin| offset >= begin))
    }

    /// Why no events are taken now, if so.
    pub(crate) fn refusal(&self) -> Option<Arc<str>> {
        let missing = match self {
            UpstreamStatus { topic_verified: false, .. } => "the Kafka topic has not been verified yet",
            UpstreamStatus { layout_asked: false, .. } => "the database has not been asked yet how the log is laid out",
            _ => return self.topic_said().or_else(|| self.copy_refused.clone()),
        };
        self.topic_refused.clone().or_else(|| Some(Arc::from(missing)))
    }

    /// What is wrong with the topic, where it is there to be judged.
    pub(crate) fn topic_said(&self) -> Option<Arc<str>> {
        self.topic_refused.clone().or_else(|| self.layout_refused.clone())
    }

    /// The most telling of what is wrong.
    pub(crate) fn said(&self) -> Option<Arc<str>> {
        let gone = || self.broker_said.clone();
        let stalled = || self.stalled.first().map(|said| Arc::from(said.as_str()));
        let said = self.topic_said().or_else(gone).or_else(|| self.refusal());
        said.or_else(|| self.database_said.clone()).or_else(stalled)
    }

    /// Ready once broker and database have both told which log this is; then only the broker counts,
    /// since a dead database does not stop publishing.
    pub(crate) fn is_ready(&self) -> bool {
        self.broker == Reach::Up && self.log.is_some() && self.refusal().is_none()
    }

    /// Whether events are taken and stored, and their verdicts can be read.
    pub(crate) fn is_healthy(&self) -> bool {
        self.is_ready() && self.database == Reach::Up && self.consumer_running() && self.stalled.is_empty()
    }

    /// Whether somebody stores what is published. On a copy that is refused, the group's members store elsewhere.
    pub(crate) fn consumer_running(&self) -> bool {
        self.copy_refused.is_none() && self.group.as_ref().is_some_and(|group| group.members_with_partitions > 0)
    }
}

/// Where the snapshot is kept. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct StatusBoard {
    status: Arc<watch::Sender<UpstreamStatus>>,
    told: Arc<Told>,
}

/// What was told of broker, database and topic in the log.
#[derive(Debug, Default)]
struct Told {
    broker: Mutex<Reminder>,
    database: Mutex<Reminder>,
    topic: Mutex<Reminder>,
    copy: Mutex<Reminder>,
}

impl StatusBoard {
    pub(crate) fn new() -> StatusBoard {
        StatusBoard { status: Arc::new(watch::Sender::new(UpstreamStatus::default())), told: Arc::default() }
    }

    /// The snapshot, for a moment: never held over an await.
    pub(crate) fn now(&self) -> watch::Ref<'_, UpstreamStatus> {
        self.status.borrow()
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut UpstreamStatus)) {
        self.status.send_modify(change);
    }

    /// Notes that the broker answers; says so in the log if that is new.
    pub(super) fn broker_answers(&self) {
        let first = self.now().broker == Reach::Never;
        self.note(|status| (status.broker, status.broker_said) = (Reach::Up, None));
        tell_end(&self.told.broker, "the broker answers again", first.then_some("the broker answers"));
    }

    /// Notes that the broker does not answer, and why; says so in the log if that is new.
    pub(super) fn broker_fails(&self, said: &str) {
        self.note(|status| {
            status.broker = lost(status.broker);
            status.broker_said = Some(Arc::from(said));
        });
        if let Some(for_s) = fails(&self.told.broker, said) {
            tracing::warn!(for_s, "the broker does not answer: {said}");
        } else {
            tracing::debug!("the broker does not answer: {said}");
        }
    }

    /// Notes that the database answers; says so in the log if that is new.
    pub(super) fn database_answers(&self) {
        let first = self.now().database == Reach::Never;
        self.note(|status| (status.database, status.database_said) = (Reach::Up, None));
        tell_end(&self.told.database, "the database answers again", first.then_some("the database answers"));
    }

    /// Notes that the broker has answered, and would have us take nothing; says so in the log if that is new.
    pub(super) fn topic_refused(&self, said: &str) {
        self.broker_answers();
        self.note(|status| status.topic_refused = Some(Arc::from(said)));
        self.topic_fails(said);
    }

    /// Notes that the log's layout is another one; says so in the log if that is new.
    pub(super) fn layout_refused(&self, said: &str) {
        self.note(|status| {
            (status.log, status.layout_refused, status.layout_asked) = (None, Some(Arc::from(said)), true);
        });
        self.topic_fails(said);
    }

    /// Notes that the broker has nothing against the topic.
    pub(super) fn topic_is_fit(&self) {
        self.note(|status| status.topic_refused = None);
        self.tell_end_of_topic();
    }

    /// Notes which incarnation of the topic this is.
    pub(super) fn log_is(&self, log: Log, topic_id: Option<String>) {
        self.note(|status| {
            let known = status.topic_id.take().filter(|_| status.log == Some(log.log_id));
            (status.log, status.topic_id, status.layout_refused) = (Some(log.log_id), topic_id.or(known), None);
            (status.partitions, status.layout_asked) = (Some(log.partitions), true);
        });
        self.tell_end_of_topic();
    }

    /// Notes that this is another copy of the database, unless something was noted against it before.
    pub(super) fn copy_undecided(&self, said: &str) {
        self.note(|status| {
            status.copy_refused.get_or_insert_with(|| Arc::from(said));
            // The database has answered.
            status.layout_asked = true;
        });
    }

    /// Notes why events may not be taken on this copy of the database; says so in the log if that is new.
    pub(super) fn copy_refused(&self, said: &str) {
        self.note(|status| (status.copy_refused, status.layout_asked) = (Some(Arc::from(said)), true));
        if let Some(for_s) = fails(&self.told.copy, said) {
            tracing::error!(for_s, "no events are taken: {said}");
        }
    }

    /// Notes that events may be taken on this copy of the database.
    pub(super) fn copy_is_ours(&self) {
        self.note(|status| status.copy_refused = None);
        tell_end(&self.told.copy, "events are taken on this copy of the database", None);
    }

    /// In the consumer's words.
    fn topic_fails(&self, said: &str) {
        if let Some(for_s) = fails(&self.told.topic, said) {
            tracing::error!(for_s, "the Kafka topic can't be used as it is: {said}");
        } else {
            tracing::debug!("the Kafka topic can't be used as it is: {said}");
        }
    }

    fn tell_end_of_topic(&self) {
        if self.now().topic_said().is_none() {
            tell_end(&self.told.topic, "the Kafka topic can be used again", None);
        }
    }

    /// Notes that the database can't be used, and why; says so in the log if that is new.
    pub(crate) fn database_fails(&self, error: &dyn std::fmt::Display) {
        let said = error.to_string();
        self.note(|status| {
            status.database = lost(status.database);
            status.database_said = Some(Arc::from(said.as_str()));
            status.layout_asked = true;
        });
        if let Some(for_s) = fails(&self.told.database, &said) {
            tracing::warn!(for_s, "{said}");
        } else {
            tracing::debug!("{said}");
        }
    }
}

fn lost(was: Reach) -> Reach {
    if was == Reach::Never { Reach::Never } else { Reach::Down }
}

/// For how many seconds it has failed, if that is worth a line.
pub(super) fn fails(told: &Mutex<Reminder>, said: &str) -> Option<u64> {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    told.fails(said, Instant::now()).map(|lasted| lasted.as_secs())
}

pub(super) fn tell_end(told: &Mutex<Reminder>, again: &str, first: Option<&str>) {
    let ended = told.lock().unwrap_or_else(PoisonError::into_inner).works(Instant::now());
    match ended {
        Some(lasted) => tracing::info!(after_s = lasted.as_secs(), "{again}"),
        None => first.into_iter().for_each(|first| tracing::info!("{first}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn running() -> UpstreamStatus {
        UpstreamStatus {
            broker: Reach::Up,
            database: Reach::Up,
            topic_verified: true,
            layout_asked: true,
            log: Some(1),
            group: Some(GroupState { members: 1, members_with_partitions: 1 }),
            ..UpstreamStatus::default()
        }
    }

    #[test]
    fn not_ready_until_both_have_answered_once() {
        assert!(!UpstreamStatus::default().is_ready());
        assert!(!UpstreamStatus { log: None, ..running() }.is_ready());
        assert!(!UpstreamStatus { broker: Reach::Never, ..running() }.is_ready());
        assert!(running().is_ready());
    }

    #[test]
    fn later_a_dead_database_leaves_it_ready_and_a_dead_broker_does_not() {
        assert!(UpstreamStatus { database: Reach::Down, ..running() }.is_ready());
        assert!(!UpstreamStatus { broker: Reach::Down, ..running() }.is_ready());
    }

    #[test]
    fn nothing_is_taken_before_the_topic_is_verified_or_while_it_is_refused() {
        assert!(UpstreamStatus::default().refusal().is_some());
        assert!(running().refusal().is_none());
        let compacted = Some(Arc::from("cleanup.policy=compact would erase events"));
        assert!(UpstreamStatus { topic_refused: compacted.clone(), ..running() }.refusal().is_some());
        assert!(UpstreamStatus { layout_refused: compacted, ..running() }.refusal().is_some());
    }

    #[test]
    fn only_what_lies_behind_the_beginning_of_an_open_transaction_is_not_read() {
        let status = UpstreamStatus { open_transactions: Arc::new(BTreeMap::from([(3, 57)])), ..running() };
        assert!(status.lie_behind_a_transaction(&[(1, 100), (3, 57)]));
        assert!(!status.lie_behind_a_transaction(&[(1, 100), (3, 56)]));
        assert!(!running().lie_behind_a_transaction(&[(3, 57)]));
    }

    #[test]
    fn nothing_is_taken_before_the_layout_was_asked_for() {
        let unasked = UpstreamStatus { layout_asked: false, ..running() };
        assert!(unasked.refusal().is_some_and(|said| said.contains("laid out")));
        let [told, refused, gone] = [(); 3].map(|()| StatusBoard::new());
        for board in [&told, &refused, &gone] {
            board.note(|status| *status = unasked.clone());
        }
        told.log_is(Log { log_id: 7, incarnation: 1, partitions: 8 }, None);
        assert_eq!((told.now().refusal(), told.now().partitions), (None, Some(8)));
        refused.layout_refused("it has fewer partitions");
        assert_eq!(refused.now().refusal().as_deref(), Some("it has fewer partitions"));
        gone.database_fails(&"Connection refused");
        assert_eq!((gone.now().refusal(), gone.now().partitions), (None, None), "the broker's count has to do");
    }

    #[test]
    fn who_calls_itself_healthy_takes_stores_and_gives_verdicts() {
        assert!(running().is_healthy());
        assert!(!UpstreamStatus { log: None, ..running() }.is_healthy());
        assert!(!UpstreamStatus { database: Reach::Down, ..running() }.is_healthy());
        assert!(!UpstreamStatus { layout_refused: Some(Arc::from("fewer partitions")), ..running() }.is_healthy());
        assert!(
            !UpstreamStatus { stalled: Arc::from(["partition 3 stands still".to_owned()]), ..running() }.is_healthy()
        );
        let joining = Some(GroupState { members: 1, members_with_partitions: 0 });
        assert!(!UpstreamStatus { group: joining, ..running() }.is_healthy());
    }

    #[test]
    fn on_a_copy_that_is_refused_nothing_is_taken_and_the_groups_members_are_not_ours() {
        let board = StatusBoard::new();
        board.note(|status| *status = running());
        assert!(board.now().is_healthy() && board.now().consumer_running());
        board.copy_refused("this is another copy of the database");
        assert_eq!(board.now().refusal().as_deref(), Some("this is another copy of the database"));
        assert!(!board.now().is_ready() && !board.now().consumer_running());
        board.copy_is_ours();
        assert!(board.now().is_healthy() && board.now().refusal().is_none());
    }

    #[test]
    fn nothing_is_taken_while_it_is_not_decided_whose_copy_it_is() {
        let board = StatusBoard::new();
        board.note(|status| *status = UpstreamStatus { layout_asked: false, log: None, ..running() });
        board.database_fails(&"Connection refused");
        assert_eq!(board.now().refusal(), None, "a database that is away says nothing against it");
        board.copy_undecided("it is not decided yet");
        assert_eq!(board.now().refusal().as_deref(), Some("it is not decided yet"));
        board.database_fails(&"Connection refused");
        assert!(board.now().refusal().is_some() && !board.now().consumer_running());
        board.copy_refused("this is another copy of the database");
        board.copy_undecided("it is not decided yet");
        assert_eq!(board.now().refusal().as_deref(), Some("this is another copy of the database"));
        board.log_is(Log { log_id: 7, incarnation: 1, partitions: 8 }, None);
        assert!(board.now().refusal().is_some(), "the log alone does not decide it");
        board.copy_is_ours();
        assert_eq!(board.now().refusal(), None);
    }

    #[test]
    fn what_is_wrong_is_said_until_it_is_mended() {
        let board = StatusBoard::new();
        board.broker_fails("Connection refused");
        board.database_fails(&"password authentication failed");
        assert_eq!(board.now().said().as_deref(), Some("Connection refused"));
        assert_eq!(board.now().database_said.as_deref(), Some("password authentication failed"));
        assert_eq!((board.now().broker, board.now().database), (Reach::Never, Reach::Never));
        board.broker_answers();
        board.database_answers();
        board.note(|status| status.topic_verified = true);
        assert_eq!(board.now().said(), None);
        board.database_fails(&"no answer");
        assert_eq!((board.now().database, board.now().said().as_deref()), (Reach::Down, Some("no answer")));
    }

    #[test]
    fn a_topic_that_is_refused_ends_the_brokers_outage_and_is_said_until_both_reasons_are_mended() {
        let board = StatusBoard::new();
        board.broker_fails("Connection refused");
        board.topic_refused("there is no Kafka topic \"events\"");
        assert_eq!((board.now().broker, board.now().broker_said.clone()), (Reach::Up, None));
        board.layout_refused("it has fewer partitions");
        board.topic_is_fit();
        assert_eq!(board.now().topic_said().as_deref(), Some("it has fewer partitions"));
        assert_eq!(fails(&board.told.topic, "it has fewer partitions"), None, "it was said, and has not ended");
        board.log_is(Log { log_id: 7, incarnation: 1, partitions: 8 }, None);
        assert_eq!((board.now().topic_said(), board.now().log), (None, Some(7)));
        assert!(board.told.topic.lock().unwrap().works(Instant::now()).is_none(), "the end was said");
    }

    #[test]
    fn waiting_is_hopeless_without_a_database_or_a_consumer() {
        assert!(!running().waiting_is_hopeless());
        assert!(UpstreamStatus { database: Reach::Down, ..running() }.waiting_is_hopeless());
        assert!(UpstreamStatus { log: None, ..running() }.waiting_is_hopeless());
        let nobody = Some(GroupState { members: 0, members_with_partitions: 0 });
        assert!(UpstreamStatus { group: nobody, ..running() }.waiting_is_hopeless());
    }

    #[test]
    fn waiting_is_tried_while_the_group_is_unknown_or_rebalancing() {
        assert!(!UpstreamStatus { group: None, ..running() }.waiting_is_hopeless());
        let joining = Some(GroupState { members: 1, members_with_partitions: 0 });
        assert!(!UpstreamStatus { group: joining, ..running() }.waiting_is_hopeless());
    }
}
