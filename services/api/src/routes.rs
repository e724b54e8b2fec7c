//! What each path does: one file per handler, and beside it what it takes and answers.

pub(crate) mod answers;
mod bodies;
pub(crate) mod docs;
mod event_rows;
mod figures;
pub(crate) mod health;
pub(crate) mod listing;
pub(crate) mod publish;
pub(crate) mod stats;
pub(crate) mod topics;
