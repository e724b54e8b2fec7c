//! What handlers share.

use std::sync::Arc;
use std::time::Instant;

use broker::Appender;
use event::PartitionBy;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::http::body::BodyReader;
use crate::http::byte_budget::ByteBudget;
use crate::metrics::{ApiMetrics, Exposition};
use crate::upstream::stats_reader::StatsReader;
use crate::upstream::status::StatusBoard;
use crate::verdicts::waiter::VerdictWaiter;

/// What handlers share.
pub(crate) struct Api {
    pub(crate) config: Config,
    pub(crate) partition_by: PartitionBy,
    pub(crate) store: Store,
    pub(crate) appender: Appender,
    pub(crate) board: StatusBoard,
    pub(crate) verdicts: VerdictWaiter,
    pub(crate) stats: StatsReader,
    pub(crate) bodies: BodyReader,
    pub(crate) responses: ByteBudget,
    pub(crate) exposition: Exposition,
    pub(crate) metrics: ApiMetrics,
    pub(crate) started: Instant,
    /// Cancelled when nobody should come any more.
    pub(crate) draining: CancellationToken,
}

/// What handlers take.
pub(crate) type Shared = Arc<Api>;
