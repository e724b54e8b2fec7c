//! What librdkafka calls back: noted here, acted upon by the poll loop.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use crate::client_log;

/// A rebalance that the poll loop has to act upon.
#[derive(Debug)]
pub(super) enum Rebalance {
    Assign(Vec<i32>),
    Revoke { partitions: Vec<i32>, lost: bool },
}

#[derive(Clone, Default)]
pub(super) struct Context {
    noted: Arc<Mutex<VecDeque<Rebalance>>>,
    closing: Arc<AtomicBool>,
}

impl Context {
    pub(super) fn next(&self) -> Option<Rebalance> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// From now on partitions are given up inside the callback.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    fn note(&self, rebalance: Rebalance) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push_back(rebalance);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::error(&error, reason);
    }
}

impl ConsumerContext for Context {
    /// Only notes the partitions and returns: where to start needs the database's answer, and
    /// nothing may wait in here.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, tpl: &mut TopicPartitionList) {
        let partitions: Vec<i32> =
            tpl.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect();
        let assigns = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::SeqCst) {
            // While closing nobody acts upon notes: without an answer here, close never returns.
            let _ = if assigns { consumer.incremental_assign(tpl) } else { consumer.incremental_unassign(tpl) };
        } else if assigns {
            self.note(Rebalance::Assign(partitions));
        } else {
            self.note(Rebalance::Revoke { partitions, lost: consumer.assignment_lost() });
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, "offsets not committed; the next commit makes up for it");
        }
    }
}
