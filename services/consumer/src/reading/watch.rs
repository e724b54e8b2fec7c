//! Whether the Kafka topic is still the same log. librdkafka does not react to a topic that was
//! deleted and created again, so the broker is asked every few seconds.

use std::sync::Arc;
use std::time::Duration;

use broker::LogClient;
use event::LogIdentity;
use store::{Log, Opened, Store};
use tokio::sync::{Mutex, watch};

use crate::config::Config;
use crate::error::ConsumerError;
use crate::reading::current::Current;
use crate::reading::proof::Proof;
use crate::status::{Part, Status};

const ASK_EVERY: Duration = Duration::from_secs(5);

/// Finds out which log the topic is, and tells the writers when it changes.
pub(crate) struct LogWatch {
    broker: LogClient,
    store: Store,
    config: Arc<Config>,
    current: watch::Sender<Option<Arc<Current>>>,
    /// Whoever holds it asks, so that answers come in the order of the questions.
    turn: Mutex<()>,
    status: Status,
}

impl LogWatch {
    pub(crate) fn new((broker, store): (LogClient, Store), config: Arc<Config>, status: Status) -> Self {
        let (current, turn) = (watch::Sender::new(None), Mutex::default());
        LogWatch { broker, store, config, current, turn, status }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Arc<Current>>> {
        self.current.subscribe()
    }

    /// Asks the broker, and the database what it knows of this log.
    pub(crate) async fn look(&self) -> Result<(), ConsumerError> {
        let _turn = self.turn.lock().await;
        self.look_now().await
    }

    async fn look_now(&self) -> Result<(), ConsumerError> {
        let identity = self.broker.identity().await?;
        self.status.working(Part::Broker);
        let log = match self.store.open_log(&identity, self.config.accept_layout_change).await? {
            Opened::Known(log) => log,
            Opened::Unproved(log) => self.proved(log, &identity).await?,
        };
        self.status.working(Part::Database);
        self.status.working(Part::Topic);
        self.publish(Current { log, identity });
        Ok(())
    }

    /// The log has an id now that it lacked: it is the same log if it shows what was stored of it, and else
    /// another one.
    async fn proved(&self, was: Log, identity: &LogIdentity) -> Result<Log, ConsumerError> {
        let group = match &self.config.group {
            Some(group) => group.clone(),
            None => self.store.default_group().await?,
        };
        let proof = Proof { broker: &self.broker, store: &self.store, group: &group };
        let topic_id = identity.topic_id.as_deref();
        if proof.is_same_log(was.log_id).await? {
            tracing::info!(log = was.log_id, topic_id, "the Kafka topic has an id now; its records are those stored");
            self.store.adopt_ids(was.log_id, identity).await?;
        } else {
            tracing::error!(log = was.log_id, topic_id, "the Kafka topic has an id now, and other records");
            self.store.open_first_life(identity).await?;
        }
        // Whoever was first has decided.
        Ok(self.store.open_log(identity, self.config.accept_layout_change).await?.log())
    }

    /// The log is not what was stored from it. A topic that was created anew says so by its id;
    /// under the same identity it gets another life.
    pub(crate) async fn open_next_life(&self, was: &Current) -> Result<(), ConsumerError> {
        let _turn = self.turn.lock().await;
        self.look_now().await?;
        let now = self.current.borrow().clone();
        let Some(now) = now.filter(|now| now.log.log_id == was.log.log_id) else { return Ok(()) };
        let log = self.store.open_next_life(&now.identity, now.log.log_id).await?;
        self.publish(Current { log, identity: now.identity.clone() });
        Ok(())
    }

    /// Looks again and again, for ever.
    pub(crate) async fn run(&self) {
        let mut timer = tokio::time::interval(ASK_EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            // A changed layout is said, too: the old one is gone on with, and new partitions stay unread.
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
            *known = Some(Arc::new(current));
            true
        });
    }
}
