//! The simulator.

pub mod plan;
pub mod server;
