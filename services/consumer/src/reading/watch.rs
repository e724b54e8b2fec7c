//! Whether the Kafka topic is still the same log. librdkafka does not react to a topic that was
//! deleted and created again, so the broker is asked every few seconds.

use std::sync::Arc;
use std::time::Duration;

use broker::LogClient;
use store::Store;
use tokio::sync::{Mutex, watch};

use crate::error::ConsumerError;
use crate::reading::current::Current;
use crate::status::{Part, Status};

const ASK_EVERY: Duration = Duration::from_secs(5);

/// Finds out which log the topic is, and tells the writers when it changes.
pub(crate) struct LogWatch {
    broker: LogClient,
    store: Store,
    accept_change: bool,
    current: watch::Sender<Option<Arc<Current>>>,
    /// Whoever holds it asks, so that answers come in the order of the questions.
    turn: Mutex<()>,
    status: Status,
}

impl LogWatch {
    pub(crate) fn new((broker, store): (LogClient, Store), accept_change: bool, status: Status) -> Self {
        let (current, turn) = (watch::Sender::new(None), Mutex::default());
        LogWatch { broker, store, accept_change, current, turn, status }
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
        let log = self.store.open_log(&identity, self.accept_change).await?;
        self.status.working(Part::Database);
        self.status.working(Part::Topic);
        self.publish(Current { log, identity });
        Ok(())
    }

    /// The log is not what was stored from it. A topic that was created anew says so by its id;
    /// under the same identity it gets another life.
    pub(crate) async fn open_next_life(&self, was: &Current) -> Result<(), ConsumerError> {
        let _turn = self.turn.lock().await;
        self.look_now().await?;
        if self.current.borrow().as_ref().is_some_and(|now| now.log.log_id != was.log.log_id) {
            return Ok(());
        }
        let log = self.store.open_next_life(&was.identity, was.log.life).await?;
        self.publish(Current { log, identity: was.identity.clone() });
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
