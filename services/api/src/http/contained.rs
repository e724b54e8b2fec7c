//! What a panic may cost no more than: one connection.
//!
//! A request that nobody has thought of must not end the process for all others, again at each repeat.

use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static CONTAINED: ();
}

/// Whether a panic here and now costs a request or a connection, and nothing else.
#[must_use]
pub fn contains_panics() -> bool {
    CONTAINED.try_with(|()| ()).is_ok()
}

/// What is done for one connection, in a task of its own.
pub(crate) fn contained<F: Future>(work: F) -> TaskLocalFuture<(), F> {
    CONTAINED.scope((), work)
}

/// What is done for one request on another thread, which hands its panic over to the request.
pub(crate) fn contained_here<T>(work: impl FnOnce() -> T) -> T {
    CONTAINED.sync_scope((), work)
}
