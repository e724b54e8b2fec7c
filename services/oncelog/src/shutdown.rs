//! SIGTERM and SIGINT become one clean stop; a second one, or the deadline, ends the process at once.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Whatever hangs, the process is gone after this.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// A token that is cancelled by the first signal.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        cancel.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = tokio::time::sleep(GONE_WITHIN) => {}
        }
        tracing::warn!("stopped before everything had ended; nothing acknowledged is lost");
        std::process::exit(1);
    });
    Ok(token)
}
