//! What is known about broker, database and consumer group right now, and who asks them.

pub(crate) mod log_watch;
pub(crate) mod reading;
mod shared_read;
pub(crate) mod standstill;
pub(crate) mod stats_reader;
pub(crate) mod status;
mod totals;
pub(crate) mod watermarks;
