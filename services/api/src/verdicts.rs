//! The wait of a publisher for what became of its events.

pub(crate) mod outcome;
pub(crate) mod suspicions;
pub(crate) mod verdict_wait;
pub(crate) mod waiting;
