//! What requests need whatever they ask for.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `server` | connections: how many (`connection_slots`), their deadlines (`stream`), what each is doing (`line`), their end |
//! | `contained` | what a panic costs one connection only; everywhere else it ends the process |
//! | `body` | reading a body within its limits |
//! | `prefer`, `trace_context`, `forwarded`, `query` | headers and parameters, parsed |
//! | `byte_budget`, `budgeted_body` | budgets in bytes, and answers that hold a share of one |
//! | `least_rate` | how fast a client has to send, or to take |
//! | `limit_hits` | which limits there are that a client can run into, and how often each has bitten |
//! | `problem` | **the error policy**, and each problem's status |

pub(crate) mod body;
pub(crate) mod budgeted_body;
pub(crate) mod byte_budget;
pub(crate) mod contained;
pub(crate) mod forwarded;
pub(crate) mod least_rate;
pub(crate) mod limit_hits;
pub(crate) mod prefer;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod server;
pub(crate) mod trace_context;
#[cfg(test)]
mod untrusted;
