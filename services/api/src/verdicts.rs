//! The wait of a publisher for what became of its events.

pub(crate) mod outcome;
pub(crate) mod policy;
pub(crate) mod suspicions;
pub(crate) mod waiter;
