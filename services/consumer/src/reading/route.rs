//! Each partition to its writer, on the poll thread: quick, and never waiting.

use std::sync::Arc;

use broker::consume::{ConsumerEvent, Record};
use tokio::sync::mpsc::UnboundedSender;

use crate::reading::inbox::{Arrived, Inbox, Order};

/// Knows which writer a partition belongs to.
pub(crate) struct Route {
    inboxes: Vec<Arc<Inbox>>,
    failed: UnboundedSender<String>,
}

impl Route {
    /// `failed` hears of the end of reading, once.
    pub(crate) fn new(inboxes: Vec<Arc<Inbox>>, failed: UnboundedSender<String>) -> Self {
        Route { inboxes, failed }
    }

    pub(crate) fn notice(&self, event: ConsumerEvent) {
        let order_all = |partitions: Vec<i32>, order: fn(i32) -> Order| {
            partitions.into_iter().for_each(|partition| self.inbox(partition).order(order(partition)));
        };
        match event {
            ConsumerEvent::Assigned(partitions) => order_all(partitions, Order::Own),
            ConsumerEvent::Revoked(partitions) => order_all(partitions, Order::GiveUp),
            ConsumerEvent::Lost(partitions) => order_all(partitions, Order::Forget),
            ConsumerEvent::Records(records) => self.records(records),
            ConsumerEvent::End { partition, epoch, position } => {
                self.inbox(partition).arrive([Arrived::End { partition, epoch, position }]);
            }
            ConsumerEvent::PartitionFailed(failure) => self.inbox(failure.partition).arrive([Arrived::Failed(failure)]),
            ConsumerEvent::OutOfRange { partition, epoch } => {
                self.inbox(partition).order(Order::OutOfRange { partition, epoch });
            }
            ConsumerEvent::Failed(reason) => {
                // Nobody listens any more only when the process is stopping anyway.
                let _ = self.failed.send(reason);
            }
        }
    }

    fn records(&self, records: Vec<Record>) {
        let mut by_writer: Vec<Vec<Arrived>> = self.inboxes.iter().map(|_| Vec::new()).collect();
        for record in records {
            by_writer[self.writer(record.partition)].push(Arrived::Record(record));
        }
        for (inbox, arrived) in self.inboxes.iter().zip(by_writer) {
            if !arrived.is_empty() {
                inbox.arrive(arrived);
            }
        }
    }

    fn inbox(&self, partition: i32) -> &Inbox {
        &self.inboxes[self.writer(partition)]
    }

    fn writer(&self, partition: i32) -> usize {
        partition.unsigned_abs() as usize % self.inboxes.len()
    }
}
