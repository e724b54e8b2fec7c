//! From what has arrived to a batch for one transaction.

pub mod batch;
pub mod batcher;
