//! Why a run could not be played: always the testbed's fault, never a verdict.

use std::time::Duration;

/// What the testbed could not do.
#[derive(Debug, thiserror::Error)]
pub enum TestbedError {
    /// Broker, database or a process could not be started.
    #[error(transparent)]
    Stack(#[from] stack::Error),
    /// A question to the database, or tampering with it, failed.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// A question to the broker, or tampering with the log, failed.
    #[error("the broker: {0}")]
    Broker(#[from] rdkafka::error::KafkaError),
    /// A file or a port.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Something that has to happen did not: the fault could not be made.
    #[error("not within {within:?}: {what}")]
    Late {
        /// What was waited for.
        what: String,
        /// The time allowed.
        within: Duration,
    },
    /// This stack can't do it.
    #[error("this needs {0}")]
    Needs(&'static str),
    /// A task of the testbed ended early.
    #[error("a task ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
}
