//! Waiting for a server that is starting, or away.

use std::time::Duration;

use fake::rand;
use tokio::time::{Instant, sleep};

use super::retry;
use crate::progress::Progress;
use crate::server::Server;

/// The longest pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The server did not get ready in time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{url} was not ready within {within:?}: {last}")]
pub struct NotReady {
    /// The server.
    pub url: String,
    /// How long was waited.
    pub within: Duration,
    /// The last answer.
    pub last: String,
}

/// Waits until the server says that it is ready, and says so while it waits.
pub async fn wait_until_ready(server: &Server, within: Duration, progress: &Progress) -> Result<(), NotReady> {
    let begun = Instant::now();
    for look in 1.. {
        let Err(last) = server.ready().await else {
            break;
        };
        progress.say(&format!("waiting for {}: {last}", server.base()));
        let left = within.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(NotReady { url: server.base().to_string(), within, last });
        }
        sleep(retry::wait(look, None, rand::random()).min(LOOK_EVERY).min(left)).await;
    }
    Ok(())
}
