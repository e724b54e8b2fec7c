//! What waits for a writer. Bounded by the poll thread's byte budget, which counts every record
//! from the moment it is handed over until its transaction has ended.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker::consume::{PartitionFailure, Record};
use tokio::sync::Notify;

/// A change of what the writer owns. Taken before records: those of an older epoch are then
/// recognised and thrown away.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin with this partition.
    Own(i32),
    /// Finish with it and release it.
    GiveUp(i32),
    /// Forget it.
    Forget(i32),
    /// Find out again where a partition stands: the broker had nothing where it was read.
    OutOfRange {
        /// The Kafka partition.
        partition: i32,
        /// The start that it was read under.
        epoch: u64,
    },
}

/// Something read from a partition, in its order.
#[derive(Debug)]
pub enum Arrived {
    /// A record.
    Record(Record),
    /// The end, for now.
    End {
        /// The Kafka partition.
        partition: i32,
        /// The start that it was read under.
        epoch: u64,
        /// The offset that would be read next.
        position: i64,
    },
    /// Something keeps it from being read on.
    Failed(PartitionFailure),
}

/// One writer's inbox.
#[derive(Debug, Default)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: VecDeque<Order>,
    arrived: VecDeque<Arrived>,
}

impl Inbox {
    /// Adds an order.
    pub fn order(&self, order: Order) {
        self.lock().orders.push_back(order);
        self.news.notify_one();
    }

    /// Adds what was read, in order.
    pub fn arrive(&self, arrived: impl IntoIterator<Item = Arrived>) {
        self.lock().arrived.extend(arrived);
        self.news.notify_one();
    }

    /// Returns when something came in since the last call.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// All orders.
    pub fn take_orders(&self) -> Vec<Order> {
        self.lock().orders.drain(..).collect()
    }

    /// What was read, at most `records` items and `bytes` of records, but always one if there is one.
    pub fn take(&self, records: usize, bytes: usize) -> Vec<Arrived> {
        let mut waiting = self.lock();
        let mut weight = 0;
        let fitting = waiting.arrived.iter().take(records).take_while(|arrived| {
            if let Arrived::Record(record) = arrived {
                weight += record.weight();
            }
            weight <= bytes
        });
        let count = fitting.count().max(1).min(waiting.arrived.len());
        waiting.arrived.drain(..count).collect()
    }

    /// The partitions of which something is left.
    pub fn partitions(&self) -> BTreeSet<i32> {
        let waiting = self.lock();
        let of = |arrived: &Arrived| match arrived {
            Arrived::Record(record) => record.partition,
            Arrived::End { partition, .. } => *partition,
            Arrived::Failed(failure) => failure.partition,
        };
        waiting.arrived.iter().map(of).collect()
    }

    /// Whether something read is left.
    pub fn is_empty(&self) -> bool {
        self.lock().arrived.is_empty()
    }

    // A poisoned queue is still a queue: each change to it is one call.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
