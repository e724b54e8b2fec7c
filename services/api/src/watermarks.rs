//! Where the log ends: read from the broker once for all who ask at the same time.
//!
//! Who asks while a read is under way is served by the next one: a read that began before the
//! question could miss what the asker has just published.

use std::sync::Arc;
use std::time::Duration;

use broker::{LogClient, Watermarks};
use store::LogId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::facts::Board;

/// The watermarks of all partitions.
pub(crate) type Marks = Arc<[Watermarks]>;

/// Asks for watermarks.
#[derive(Debug)]
pub(crate) struct WatermarkReader {
    ask: mpsc::Sender<oneshot::Sender<Marks>>,
    last: watch::Receiver<Option<Last>>,
    board: Board,
}

/// What was read last, and the life of the log that it was read of, as far as was known.
#[derive(Clone, Debug)]
struct Last {
    marks: Marks,
    log: Option<LogId>,
}

/// What is known about the end of the log.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// Read after it was asked for.
    Fresh(Marks),
    /// The broker did not answer in time: what it said last of this life of the log, if anything.
    Stale(Option<Marks>),
}

impl WatermarkReader {
    /// How long somebody who asks waits for the broker.
    const PATIENCE: Duration = Duration::from_millis(300);
    /// How many may wait for a read.
    const ASKERS: usize = 1_024;

    /// The reader, and the task that serves it; the task ends when the reader is dropped.
    pub(crate) fn new(client: LogClient, board: Board) -> (WatermarkReader, impl Future<Output = ()> + use<>) {
        let (ask, asked) = mpsc::channel(Self::ASKERS);
        let (note, last) = watch::channel(None);
        (WatermarkReader { ask, last, board: board.clone() }, serve(client, board, asked, note))
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
        let log = self.board.now().log;
        let last = self.last.borrow();
        Reading::Stale(last.as_ref().filter(|last| last.log == log).map(|last| Arc::clone(&last.marks)))
    }
}

async fn serve(
    client: LogClient,
    board: Board,
    mut asked: mpsc::Receiver<oneshot::Sender<Marks>>,
    note: watch::Sender<Option<Last>>,
) {
    let mut together = Vec::new();
    while asked.recv_many(&mut together, WatermarkReader::ASKERS).await > 0 {
        let log = board.now().log;
        let Ok(marks) = client.watermarks().await else {
            // They learn it by their answer's end being dropped.
            together.clear();
            continue;
        };
        let marks: Marks = marks.into();
        note.send_replace(Some(Last { marks: Arc::clone(&marks), log }));
        for answer in together.drain(..) {
            // Who has stopped waiting has dropped its end.
            let _ = answer.send(Arc::clone(&marks));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_ends_of_a_life_that_is_over_are_no_longer_told() {
        let (ask, _asked) = mpsc::channel(1);
        let (note, last) = watch::channel(None);
        let board = Board::new();
        let reader = WatermarkReader { ask, last, board: board.clone() };
        let marks: Marks = Arc::new([Watermarks { partition: 0, low: 0, high: 1_000_000 }]);
        board.note(|facts| facts.log = Some(1));
        note.send_replace(Some(Last { marks, log: Some(1) }));
        assert!(matches!(reader.last_known(), Reading::Stale(Some(_))));

        board.note(|facts| facts.log = Some(2));

        assert!(matches!(reader.last_known(), Reading::Stale(None)));
    }
}
