//! What all writers share.

use std::sync::Arc;

use broker::LogClient;
use broker::consume::Reader;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::reading::log_tracker::LogTracker;
use crate::reading::standstill::Positions;
use crate::status::Status;
use crate::storing::group_commit::GroupCommit;

/// What all writers share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct WriterContext {
    /// Of this process: no other has it.
    pub(crate) id: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) reader: Reader,
    pub(crate) broker: LogClient,
    /// The consumer group: it has the right to read.
    pub(crate) group: Arc<str>,
    pub(crate) watch: Arc<LogTracker>,
    pub(crate) group_commit: Arc<GroupCommit>,
    pub(crate) status: Status,
    pub(crate) positions: Positions,
    pub(crate) shutdown: CancellationToken,
}
