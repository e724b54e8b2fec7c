//! From the poll thread to the writer: which log it is, where reading starts, what has arrived.

pub mod begun;
pub mod current;
pub mod inbox;
pub mod intake;
pub(crate) mod proof;
pub(crate) mod route;
pub(crate) mod standstill;
pub(crate) mod start;
pub mod unreadable;
pub mod waiting;
pub(crate) mod watch;
pub mod witness;
