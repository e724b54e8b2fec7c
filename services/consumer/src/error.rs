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
    /// The broker did not tell a partition's watermarks; it is asked again.
    #[error("the broker did not say where partition {0} begins and ends")]
    NoWatermarks(i32),
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
            ConsumerError::NoWatermarks(_) => true,
            ConsumerError::Failed(_) => false,
        }
    }
}
