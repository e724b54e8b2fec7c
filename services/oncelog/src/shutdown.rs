//! SIGTERM and SIGINT become one clean stop; a second one, or the deadline, ends the process at once.

use std::time::Duration;

use api::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

/// Whatever hangs, the process is gone so long after the delay.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// After the first signal it is not ready, and goes on for `delay`, so that whoever sends requests can
/// turn to another; then it stops.
pub(crate) fn on_signal(delay: Duration) -> anyhow::Result<Shutdown> {
    let mut signals =
        Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
    let shutdown = Shutdown::default();
    let stopping = shutdown.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!(delay_seconds = delay.as_secs_f32(), "stopping");
        stopping.draining.cancel();
        tokio::select! {
            () = signals.next() => end(),
            () = sleep(delay) => stopping.stop.cancel(),
        }
        tokio::select! {
            () = signals.next() => end(),
            () = sleep(GONE_WITHIN) => end(),
        }
    });
    Ok(shutdown)
}

/// Those that ask for the end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn end() -> ! {
    tracing::warn!("stopped before everything had ended; nothing acknowledged is lost");
    std::process::exit(1);
}
