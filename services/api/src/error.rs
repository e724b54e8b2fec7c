//! Why the API could not begin.

use broker::BrokerError;
use metrics_exporter_prometheus::BuildError;
use store::StoreError;

/// Why the API could not begin. Waiting does not help; correct what the message names.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A setting of the log is refused.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A setting of the database is refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another recorder of metrics is installed in this process.
    #[error("nothing can be measured: {0}")]
    Metrics(#[from] BuildError),
}
