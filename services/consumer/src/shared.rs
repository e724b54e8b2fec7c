//! What all writers share.

use std::sync::Arc;

use broker::LogClient;
use broker::consume::Reader;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::reading::standstill::Positions;
use crate::reading::watch::LogWatch;
use crate::status::Status;
use crate::storing::together::Together;

/// What all writers share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Of this process: no other has it.
    pub(crate) id: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) reader: Reader,
    pub(crate) broker: LogClient,
    /// The consumer group: it has the right to read.
    pub(crate) group: Arc<str>,
    pub(crate) watch: Arc<LogWatch>,
    pub(crate) together: Arc<Together>,
    pub(crate) status: Status,
    pub(crate) positions: Positions,
    pub(crate) shutdown: CancellationToken,
}
