//! Reads from the server what the model judges. Over HTTP only, in pages, and with
//! patience for a server that is just coming back.

mod drain;
mod read;
mod sampler;

use std::time::Duration;

use crate::server::AskError;

pub use read::{Before, Reader};
pub use sampler::Sampler;

/// Why a run cannot be judged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CheckError {
    /// Publish under another run id.
    #[error("the server has events of a run with this id already, in {0}: choose another --run")]
    RunUsed(String),
    /// The consumer is down, or slower than the time allowed: raise --drain.
    #[error("not drained within {within:?}: {pending} records were still pending")]
    NotDrained {
        /// The time allowed.
        within: Duration,
        /// The last number seen.
        pending: String,
    },
    /// The server cannot be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
}
