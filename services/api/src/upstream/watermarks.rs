//! Where the log ends: read from the broker once for all who ask at the same time.
//!
//! Who asks while a read is under way is served by the next one: a read that began before the
//! question could miss what the asker has just published.

use std::sync::Arc;
use std::time::Duration;

use broker::{Ends, LogClient, Watermarks};
use store::LogId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::upstream::facts::Board;

/// Asks for watermarks.
#[derive(Debug)]
pub(crate) struct WatermarkReader {
    ask: mpsc::Sender<oneshot::Sender<Marks>>,
    last: watch::Receiver<Option<Marks>>,
    board: Board,
}

/// The watermarks of all partitions. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    ends: Arc<Ends>,
    /// The life of the log that was known before they were read.
    log: Option<LogId>,
}

impl Marks {
    pub(crate) fn partitions(&self) -> &[Watermarks] {
        &self.ends.partitions
    }
}

/// What is known about the end of the log.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// Read after it was asked for.
    Fresh(Marks),
    /// The broker did not answer in time: what it said last of this life of the log, if anything.
    Stale(Option<Marks>),
    /// The topic is another one than is known so far.
    Another,
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
            Ok(Ok(marks)) if marks.ends.are_of(self.board.now().topic_id.as_deref()) => Reading::Fresh(marks),
            Ok(Ok(_)) => Reading::Another,
            _ => self.last_known(),
        }
    }

    /// What was read last, without asking.
    pub(crate) fn last_known(&self) -> Reading {
        let facts = self.board.now();
        let id = facts.topic_id.as_deref();
        let of_this_life = |marks: &&Marks| marks.log == facts.log && marks.ends.are_of(id);
        Reading::Stale(self.last.borrow().as_ref().filter(of_this_life).cloned())
    }
}

async fn serve(
    client: LogClient,
    board: Board,
    mut asked: mpsc::Receiver<oneshot::Sender<Marks>>,
    note: watch::Sender<Option<Marks>>,
) {
    let mut together = Vec::new();
    while asked.recv_many(&mut together, WatermarkReader::ASKERS).await > 0 {
        let log = board.now().log;
        let Ok(ends) = client.ends().await else {
            // They learn it by their answer's end being dropped.
            together.clear();
            continue;
        };
        let marks = Marks { ends: Arc::new(ends), log };
        note.send_replace(Some(marks.clone()));
        for answer in together.drain(..) {
            // Who has stopped waiting has dropped its end.
            let _ = answer.send(marks.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ends(topic_id: &str) -> Arc<Ends> {
        let partitions = vec![Watermarks { partition: 0, low: 0, stable: 1_000_000, high: 1_000_000 }];
        Arc::new(Ends { topic_id: Some(topic_id.to_owned()), partitions })
    }

    fn know(board: &Board, log: LogId, topic_id: &str) {
        board.note(|facts| (facts.log, facts.topic_id) = (Some(log), Some(topic_id.to_owned())));
    }

    #[test]
    fn the_ends_of_a_life_that_is_over_are_no_longer_told() {
        let (ask, _asked) = mpsc::channel(1);
        let (note, last) = watch::channel(None);
        let board = Board::new();
        let reader = WatermarkReader { ask, last, board: board.clone() };
        know(&board, 1, "first");
        note.send_replace(Some(Marks { ends: ends("first"), log: Some(1) }));
        assert!(matches!(reader.last_known(), Reading::Stale(Some(_))));

        know(&board, 2, "first");
        assert!(matches!(reader.last_known(), Reading::Stale(None)), "a log that was cut");
        know(&board, 1, "second");
        assert!(matches!(reader.last_known(), Reading::Stale(None)), "another topic");
    }

    #[test]
    fn a_topic_id_that_is_not_told_is_not_another_one_and_one_that_is_new_may_be() {
        let (ask, _asked) = mpsc::channel(1);
        let (note, last) = watch::channel(None);
        let board = Board::new();
        let reader = WatermarkReader { ask, last, board: board.clone() };
        let untold = Ends { topic_id: None, ..Ends::clone(&ends("")) };
        for (told, known, are_told) in [(untold, Some("first"), true), (Ends::clone(&ends("first")), None, false)] {
            board.note(|facts| (facts.log, facts.topic_id) = (Some(1), known.map(str::to_owned)));
            note.send_replace(Some(Marks { ends: Arc::new(told), log: Some(1) }));
            assert_eq!(matches!(reader.last_known(), Reading::Stale(Some(_))), are_told, "{known:?}");
        }
    }

    #[tokio::test]
    async fn the_ends_of_a_topic_that_is_not_known_yet_are_not_told_beside_the_progress_of_the_old_one() {
        let (ask, mut asked) = mpsc::channel::<oneshot::Sender<Marks>>(2);
        let (_note, last) = watch::channel(None);
        let board = Board::new();
        let reader = WatermarkReader { ask, last, board: board.clone() };
        know(&board, 1, "first");
        let answers = async {
            for topic_id in ["first", "second"] {
                let marks = Marks { ends: ends(topic_id), log: Some(1) };
                asked.recv().await.unwrap().send(marks).unwrap();
            }
        };

        let (known, unknown, ()) = tokio::join!(biased; reader.read(), reader.read(), answers);

        assert!(matches!(known, Reading::Fresh(_)), "{known:?}");
        assert!(matches!(unknown, Reading::Another), "{unknown:?}");
    }
}
