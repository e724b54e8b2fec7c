//! From the poll thread to the writer: which log it is, where reading starts, what has arrived.

pub mod begun;
pub mod current;
pub mod gap_detector;
pub mod inbox;
pub(crate) mod log_tracker;
pub(crate) mod proof;
pub(crate) mod route;
pub(crate) mod standstill;
pub(crate) mod start;
pub mod unreadable;
pub mod waiting;
pub mod witness;
