//! Why the consumer can't go on.

use broker::BrokerError;
use store::StoreError;

/// Why the consumer can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// See [`BrokerError`].
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker does not tell a partition's ends; it is asked again. The others are read.
    #[error("partition {partition} is not read yet, since it is not told where it begins and ends: {}", error.said())]
    NoOffsets {
        /// The Kafka partition.
        partition: i32,
        /// Why it is not told.
        error: BrokerError,
    },
    /// The Kafka client has failed for good: restart the process.
    #[error("reading from Kafka has failed: {0}")]
    Failed(String),
}

impl ConsumerError {
    /// Whether waiting may help; if not, somebody has to change something.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            ConsumerError::Broker(error) => {
                !matches!(error, BrokerError::Settings { .. } | BrokerError::UnfitTopic { .. })
            }
            ConsumerError::Store(error) => error.may_pass(),
            ConsumerError::NoOffsets { .. } => true,
            ConsumerError::Failed(_) => false,
        }
    }
}
