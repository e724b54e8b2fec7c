//! Whether the Kafka topic is still the same log. librdkafka does not react to a topic that was
//! deleted and created again, so the broker is asked every few seconds.

use std::sync::Arc;
use std::time::Duration;

use broker::LogClient;
use event::LogIdentity;
use store::{Log, LogId, Opened, Store};
use tokio::sync::{Mutex, watch};

use crate::config::Config;
use crate::error::ConsumerError;
use crate::policy::Proof;
use crate::reading::current::Current;
use crate::reading::proof::{LastRecords, proof};
use crate::status::{Part, Status};

const ASK_EVERY: Duration = Duration::from_secs(5);
/// The same while the topic has no id: what was stored by the last of these looks proves the log when it gets one.
const ASK_WITHOUT_ID: Duration = Duration::from_secs(1);

/// Finds out which log the topic is, and tells the writers when it changes.
pub(crate) struct LogTracker {
    broker: LogClient,
    store: Store,
    config: Arc<Config>,
    current: watch::Sender<Option<Arc<Current>>>,
    /// Whoever holds it asks, so that answers come in the order of the questions. It knows the last records
    /// that were stored when the broker last told no id.
    turn: Mutex<Option<(LogId, LastRecords)>>,
    status: Status,
}

impl LogTracker {
    pub(crate) fn new((broker, store): (LogClient, Store), config: Arc<Config>, status: Status) -> Self {
        let (current, turn) = (watch::Sender::new(None), Mutex::default());
        LogTracker { broker, store, config, current, turn, status }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Arc<Current>>> {
        self.current.subscribe()
    }

    /// Asks the broker, and the database what it knows of this log.
    pub(crate) async fn look(&self) -> Result<(), ConsumerError> {
        self.look_now(&mut *self.turn.lock().await).await
    }

    async fn look_now(&self, before: &mut Option<(LogId, LastRecords)>) -> Result<(), ConsumerError> {
        // Before the question: once the topic is another one, its records may be stored before it is noticed.
        let now = self.without_id().await?;
        let identity = self.broker.identity().await?;
        self.status.working(Part::Broker);
        if identity.topic_id.is_none() {
            *before = now;
        }
        let log = match self.store.open_log(&identity, self.config.accept_layout_change).await? {
            Opened::Known(log) => log,
            Opened::Unproved(log) => self.proved(log, &identity, before.as_ref()).await?,
        };
        self.status.working(Part::Database);
        self.status.working(Part::Topic);
        self.publish(Current { log, identity });
        Ok(())
    }

    /// The last records that were stored, while the log has no id.
    async fn without_id(&self) -> Result<Option<(LogId, LastRecords)>, ConsumerError> {
        let current = self.current.borrow().clone();
        let Some(current) = current.filter(|current| current.identity.topic_id.is_none()) else { return Ok(None) };
        let log_id = current.log.log_id;
        Ok(Some((log_id, self.store.last_stored(log_id).await?)))
    }

    /// The log has an id now that it lacked: it is the same log if it shows what was stored of it. Else it is
    /// another one, also if nothing is kept that it could show.
    async fn proved(
        &self,
        was: Log,
        identity: &LogIdentity,
        before: Option<&(LogId, LastRecords)>,
    ) -> Result<Log, ConsumerError> {
        let group = match &self.config.group {
            Some(group) => group.clone(),
            None => self.store.default_group().await?,
        };
        let kept = match before {
            // Not those of now: another topic's records may have been stored since.
            Some((log_id, kept)) if *log_id == was.log_id => kept.clone(),
            _ => self.store.last_stored(was.log_id).await?,
        };
        let topic_id = identity.topic_id.as_deref();
        let log = was.log_id;
        match proof(&kept, &self.broker, &group).await? {
            Proof::Same => {
                tracing::info!(log, topic_id, "the Kafka topic has an id now; its records are those stored");
                self.store.adopt_ids(log, identity).await?;
            }
            Proof::Another => {
                tracing::error!(log, topic_id, "the Kafka topic has an id now, and other records");
                self.store.open_first_incarnation(identity).await?;
            }
            Proof::Nothing => {
                let said = "the Kafka topic has an id now, and nothing is kept to compare its records with: it counts \
                            as another log";
                tracing::error!(log, topic_id, "{said}");
                self.store.open_first_incarnation(identity).await?;
            }
        }
        // Whoever was first has decided.
        Ok(self.store.open_log(identity, self.config.accept_layout_change).await?.log())
    }

    /// The log is not what was stored from it. A topic that was created anew says so by its id;
    /// under the same identity it gets another incarnation.
    pub(crate) async fn open_next_incarnation(&self, was: &Current) -> Result<(), ConsumerError> {
        let mut turn = self.turn.lock().await;
        self.look_now(&mut turn).await?;
        let now = self.current.borrow().clone();
        let Some(now) = now.filter(|now| now.log.log_id == was.log.log_id) else { return Ok(()) };
        // Laid out as the incarnation before: what was added to it is no reason for copies to part.
        let laid_out = LogIdentity { partitions: now.log.partitions, ..now.identity.clone() };
        let log = self.store.open_next_incarnation(&laid_out, now.log.log_id).await?;
        self.publish(Current { log, identity: now.identity.clone() });
        Ok(())
    }

    /// Looks again and again, for ever.
    pub(crate) async fn run(&self) {
        loop {
            let has_no_id = self.current.borrow().as_ref().is_some_and(|now| now.identity.topic_id.is_none());
            tokio::time::sleep(if has_no_id { ASK_WITHOUT_ID } else { ASK_EVERY }).await;
            // A changed layout is said, too: the old one is gone on with.
            if let Err(error) = self.look().await {
                self.status.failed(&error);
            }
        }
    }

    fn publish(&self, current: Current) {
        self.current.send_if_modified(|known| {
            if known.as_deref() == Some(&current) {
                return false;
            }
            if let Some(was) = known.as_deref().filter(|was| was.log.log_id != current.log.log_id) {
                tracing::error!(
                    was = was.log.log_id,
                    is = current.log.log_id,
                    topic = current.identity.kafka_topic,
                    "the Kafka topic is another log now; reading it from its beginning"
                );
            }
            let added = current.log.added(&current.identity);
            let was_added = known.as_deref().and_then(|was| was.log.added(&was.identity));
            if let Some(added) = added.filter(|added| Some(added) != was_added.as_ref()) {
                tracing::warn!("{added}");
            }
            *known = Some(Arc::new(current));
            true
        });
    }
}
