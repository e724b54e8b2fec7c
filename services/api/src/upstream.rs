//! What is known about broker, database and consumer group right now, and who asks them.

pub(crate) mod facts;
pub(crate) mod log_watch;
pub(crate) mod standstill;
pub(crate) mod watermarks;
