//! Where the log ends: read from the broker once for all who ask at the same time.
//!
//! Who asks while a read is under way is served by the next one: a read that began before the
//! question could miss what the asker has just published.

use std::sync::Arc;
use std::time::Duration;

use broker::{LogClient, Watermarks};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// The watermarks of all partitions.
pub(crate) type Marks = Arc<[Watermarks]>;

/// Asks for watermarks.
#[derive(Debug)]
pub(crate) struct WatermarkReader {
    ask: mpsc::Sender<oneshot::Sender<Marks>>,
    last: watch::Receiver<Option<Marks>>,
}

/// What is known about the end of the log.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// Read after it was asked for.
    Fresh(Marks),
    /// The broker did not answer in time: what it said last, if it ever did.
    Stale(Option<Marks>),
}

impl WatermarkReader {
    /// How long somebody who asks waits for the broker.
    const PATIENCE: Duration = Duration::from_millis(300);
    /// How many may wait for a read.
    const ASKERS: usize = 1_024;

    /// The reader, and the task that serves it; the task ends when the reader is dropped.
    pub(crate) fn new(client: LogClient) -> (WatermarkReader, impl Future<Output = ()> + use<>) {
        let (ask, asked) = mpsc::channel(Self::ASKERS);
        let (note, last) = watch::channel(None);
        (WatermarkReader { ask, last }, serve(client, asked, note))
    }

    /// The watermarks, read after this call began, or the last known ones.
    pub(crate) async fn read(&self) -> Reading {
        let (answer, answered) = oneshot::channel();
        if self.ask.try_send(answer).is_err() {
            return self.last_known();
        }
        match timeout(Self::PATIENCE, answered).await {
            Ok(Ok(marks)) => Reading::Fresh(marks),
            _ => self.last_known(),
        }
    }

    /// What was read last, without asking.
    pub(crate) fn last_known(&self) -> Reading {
        Reading::Stale(self.last.borrow().clone())
    }
}

async fn serve(
    client: LogClient,
    mut asked: mpsc::Receiver<oneshot::Sender<Marks>>,
    note: watch::Sender<Option<Marks>>,
) {
    let mut together = Vec::new();
    while asked.recv_many(&mut together, WatermarkReader::ASKERS).await > 0 {
        let Ok(marks) = client.watermarks().await else {
            // They learn it by their answer's end being dropped.
            together.clear();
            continue;
        };
        let marks: Marks = marks.into();
        note.send_replace(Some(Arc::clone(&marks)));
        for answer in together.drain(..) {
            // Who has stopped waiting has dropped its end.
            let _ = answer.send(Arc::clone(&marks));
        }
    }
}
