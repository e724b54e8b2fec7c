//! What every request needs, whatever it asks for: its connection, its header, its body, its answer.

pub(crate) mod body;
pub(crate) mod forwarded;
pub(crate) mod held_bytes;
pub(crate) mod limits;
pub(crate) mod prefer;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod server;
pub(crate) mod trace_context;
