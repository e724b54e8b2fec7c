//! Appending a request to the log: all of it or nothing is taken, and every
//! record's outcome is told.
//!
//! 1. Every record is measured; one over the limit refuses the request.
//! 2. Room is reserved for all of it, or nothing is appended.
//! 3. All records are handed to librdkafka in their order, without waiting.
//! 4. One wait, until the last delivery report is there or the wait is over.
//! 5. The reports become outcomes: kept, not kept, unknown. Nothing else is possible.
//!
//! The waits are nested, so that each outcome is known before the next one gives
//! up: librdkafka tries for 5 s, a request waits for 6 s, an HTTP request longer.

mod budget;
mod in_flight;
mod partition;
mod producer;
pub(crate) mod record;
mod reports;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use tokio::time::timeout;

pub use self::budget::Queued;
use self::budget::{Budget, Reservation};
use self::in_flight::{InFlight, InFlightRequest, MAX_RECORDS};
pub use self::partition::partition_of;
use self::producer::Producer;
#[cfg(test)]
pub(crate) use self::producer::client_config;
use self::record::measure;
pub use self::record::{DeliveryOutcome, NewRecord, Refused};
use self::reports::{Report, outcomes};
use crate::{BrokerError, Config, planted};

/// How long a request waits for its delivery reports. Longer than librdkafka
/// tries, so that it normally hears how the trying ended.
pub const DELIVERY_WAIT: Duration = Duration::from_secs(6);

/// The way into the log. Cheap to clone; all clones share producer and budget.
#[derive(Clone)]
pub struct Appender(Arc<Inner>);

struct Inner {
    config: Config,
    budget: Arc<Budget>,
    requests: Arc<InFlight>,
    /// None once it is closed.
    producer: RwLock<Option<Arc<Producer>>>,
    closing: AtomicBool,
}

impl Appender {
    /// Starts the producer. It connects by itself and goes on trying, so a broker
    /// that is down is no error here.
    ///
    /// # Errors
    /// [`BrokerError::Settings`] where librdkafka refuses the configuration.
    pub fn open(config: &Config) -> Result<Self, BrokerError> {
        let requests = Arc::new(InFlight::default());
        let producer = Producer::start(config, 1, &requests)?;
        let limit = Queued { messages: config.budget_messages, bytes: config.budget_bytes };
        Ok(Self(Arc::new(Inner {
            config: config.clone(),
            budget: Budget::new(limit),
            requests,
            producer: RwLock::new(Some(Arc::new(producer))),
            closing: AtomicBool::new(false),
        })))
    }

    /// Appends the records of one request, in their order, and tells what became of
    /// each, in the same order. Waits up to [`DELIVERY_WAIT`].
    ///
    /// Dropping the future takes nothing back: the records are under way, and their
    /// room is held until their last report.
    ///
    /// # Errors
    /// [`Refused`]: nothing was appended.
    pub async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<DeliveryOutcome>, Refused> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let count = records.len();
        let taken = self.take(&records);
        planted::append_a_part(&records, taken.is_err(), |part| matches!(self.take(part), Ok(Ok(_))));
        let departed = match taken? {
            Ok(departed) => departed,
            Err(error) => return Ok(not_taken(count, &error)),
        };
        if let Some(outcomes) = planted::outcomes_before_reports(count) {
            return Ok(outcomes);
        }
        // librdkafka has a copy of its own, and the wait may be long.
        drop(records);
        let reports = self.0.requests.reports(departed, DELIVERY_WAIT).await;
        Ok(outcomes(&reports))
    }

    /// What awaits delivery now.
    #[must_use]
    pub fn queued(&self) -> Queued {
        self.0.budget.used()
    }

    /// What may await delivery.
    #[must_use]
    pub fn budget(&self) -> Queued {
        self.0.budget.limit()
    }

    /// Takes no more requests, waits until what is under way has been reported on,
    /// `within` at most, and lets the producer go without waiting for its end. What
    /// is still under way then is given up, and its callers are told so.
    pub async fn close(&self, within: Duration) {
        self.0.closing.store(true, Ordering::Release);
        if timeout(within, self.0.budget.wait_empty()).await.is_err() {
            tracing::warn!(queued = ?self.queued(), "closing before all records were reported on");
        }
        let producer = self.0.producer.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(producer);
    }

    fn reserve(&self, need: Queued) -> Result<Reservation, Refused> {
        let limit = self.budget();
        if need.messages > MAX_RECORDS {
            return Err(Refused::RequestTooLarge {
                messages: need.messages,
                bytes: need.bytes,
                max_messages: limit.messages.min(MAX_RECORDS),
                max_bytes: limit.bytes,
            });
        }
        let room = self.0.budget.reserve(need)?;
        // Only now: `close` waits for all room to be given back, so whoever has room
        // and does not see it closing is waited for.
        if self.0.closing.load(Ordering::Acquire) {
            return Err(Refused::Closed);
        }
        Ok(room)
    }

    /// The producer; a new one where the last one has broken down. None once closed.
    fn producer(&self) -> Result<Option<Arc<Producer>>, BrokerError> {
        let current = self.0.producer.read().unwrap_or_else(PoisonError::into_inner).clone();
        match &current {
            Some(producer) if producer.broken().is_some() => self.replace(producer.number()),
            _ => Ok(current),
        }
    }

    fn replace(&self, broken: u64) -> Result<Option<Arc<Producer>>, BrokerError> {
        let mut current = self.0.producer.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever came first has replaced it already.
        let Some(old) = current.as_ref().filter(|producer| producer.number() == broken) else {
            return Ok(current.clone());
        };
        tracing::error!(reason = old.broken(), number = broken, "replacing a broken producer");
        self.0.requests.lose(broken);
        let new = Producer::start(&self.0.config, broken + 1, &self.0.requests)?;
        *current = Some(Arc::new(new));
        Ok(current.clone())
    }

    /// Hands all of them to the producer, if there is room and a producer.
    fn take(&self, records: &[NewRecord]) -> Result<Result<InFlightRequest, BrokerError>, Refused> {
        let room = self.reserve(Queued { messages: records.len(), bytes: measure(records)? })?;
        match self.producer() {
            Ok(Some(producer)) => Ok(Ok(self.hand_over(&producer, records, room))),
            Ok(None) => Err(Refused::Closed),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Must not wait: a request that stood still half-way would let another's records
    /// in between, and a caller who went away then would leave half of it appended.
    fn hand_over(&self, producer: &Producer, records: &[NewRecord], room: Reservation) -> InFlightRequest {
        let departed = self.0.requests.depart(producer.number(), records.len(), room);
        producer.send(&self.0.config.topic, departed.ticket, records);
        departed
    }
}

impl fmt::Debug for Appender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appender")
            .field("config", &self.0.config)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// The outcomes of a request for which no producer could be had.
fn not_taken(records: usize, error: &BrokerError) -> Vec<DeliveryOutcome> {
    tracing::error!(%error, "no producer");
    let code = RDKafkaErrorCode::Fail;
    outcomes(&vec![Report::NotTaken { code }; records])
}

#[cfg(test)]
mod tests;
