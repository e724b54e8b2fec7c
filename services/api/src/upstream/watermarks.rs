//! Where the log ends: read from the broker once for all who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use broker::{Ends, LogClient, Watermarks};
use store::LogId;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::upstream::shared_read::SharedRead;
use crate::upstream::status::StatusBoard;

/// Asks for watermarks.
#[derive(Debug)]
pub(crate) struct WatermarkReader {
    read: SharedRead<Marks>,
    last: watch::Receiver<Option<Marks>>,
    board: StatusBoard,
}

/// The watermarks of all partitions. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    ends: Arc<Ends>,
    /// The incarnation of the log that was known before they were read.
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
    /// The broker did not answer in time: what it said last of this incarnation of the log, if anything.
    Stale(Option<Marks>),
    /// The topic is another one than is known so far.
    Another,
}

impl WatermarkReader {
    /// How long somebody who asks waits for the broker, where the last known watermarks can be told in its place.
    const PATIENCE: Duration = Duration::from_millis(300);
    /// The same, where none are known yet: right after a start.
    const FIRST_PATIENCE: Duration = Duration::from_secs(2);

    /// The reader, and the task that serves it; the task ends when the reader is dropped.
    pub(crate) fn new(client: LogClient, board: StatusBoard) -> (WatermarkReader, impl Future<Output = ()>) {
        let (note, last) = watch::channel(None);
        let (note, known) = (Arc::new(note), board.clone());
        let (read, serve) = SharedRead::new(move || {
            let (client, board, note) = (client.clone(), known.clone(), Arc::clone(&note));
            async move {
                let log = board.now().log;
                let marks = Marks { ends: Arc::new(client.ends().await.ok()?), log };
                note.send_replace(Some(marks.clone()));
                Some(marks)
            }
        });
        (WatermarkReader { read, last, board }, serve)
    }

    /// The watermarks, read after this call began, or the last known ones.
    pub(crate) async fn read(&self) -> Reading {
        match timeout(self.patience(), self.read.ask()).await {
            Ok(Some(marks)) if marks.ends.are_of(self.board.now().topic_id.as_deref()) => Reading::Fresh(marks),
            Ok(Some(_)) => Reading::Another,
            _ => self.last_known(),
        }
    }

    fn patience(&self) -> Duration {
        let is_known = matches!(self.last_known(), Reading::Stale(Some(_)));
        if is_known { Self::PATIENCE } else { Self::FIRST_PATIENCE }
    }

    /// What was read last, without asking.
    pub(crate) fn last_known(&self) -> Reading {
        let upstream = self.board.now();
        let id = upstream.topic_id.as_deref();
        let of_this_incarnation = |marks: &&Marks| marks.log == upstream.log && marks.ends.are_of(id);
        Reading::Stale(self.last.borrow().as_ref().filter(of_this_incarnation).cloned())
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

    fn know(board: &StatusBoard, log: LogId, topic_id: &str) {
        board.note(|upstream| (upstream.log, upstream.topic_id) = (Some(log), Some(topic_id.to_owned())));
    }

    #[test]
    fn the_ends_of_a_life_that_is_over_are_no_longer_told() {
        let (note, last) = watch::channel(None);
        let (board, read) = (StatusBoard::new(), SharedRead::new(|| async { None }).0);
        let reader = WatermarkReader { read, last, board: board.clone() };
        know(&board, 1, "first");
        assert_eq!(reader.patience(), WatermarkReader::FIRST_PATIENCE, "there is nothing to tell in its place");
        note.send_replace(Some(Marks { ends: ends("first"), log: Some(1) }));
        assert!(matches!(reader.last_known(), Reading::Stale(Some(_))));
        assert_eq!(reader.patience(), WatermarkReader::PATIENCE);

        know(&board, 2, "first");
        assert!(matches!(reader.last_known(), Reading::Stale(None)), "a log that was cut");
        know(&board, 1, "second");
        assert!(matches!(reader.last_known(), Reading::Stale(None)), "another topic");
    }

    #[test]
    fn a_topic_id_that_is_not_told_is_not_another_one_and_one_that_is_new_may_be() {
        let (note, last) = watch::channel(None);
        let (board, read) = (StatusBoard::new(), SharedRead::new(|| async { None }).0);
        let reader = WatermarkReader { read, last, board: board.clone() };
        let untold = Ends { topic_id: None, ..Ends::clone(&ends("")) };
        for (told, known, are_told) in [(untold, Some("first"), true), (Ends::clone(&ends("first")), None, false)] {
            board.note(|upstream| (upstream.log, upstream.topic_id) = (Some(1), known.map(str::to_owned)));
            note.send_replace(Some(Marks { ends: Arc::new(told), log: Some(1) }));
            assert_eq!(matches!(reader.last_known(), Reading::Stale(Some(_))), are_told, "{known:?}");
        }
    }

    #[tokio::test]
    async fn the_ends_of_a_topic_that_is_not_known_yet_are_not_told_beside_the_progress_of_the_old_one() {
        let (_note, last) = watch::channel(None);
        let board = StatusBoard::new();
        let mut found = ["first", "second"].into_iter();
        let (read, serve) = SharedRead::new(move || {
            let marks = found.next().map(|topic_id| Marks { ends: ends(topic_id), log: Some(1) });
            async { marks }
        });
        let reader = WatermarkReader { read, last, board: board.clone() };
        know(&board, 1, "first");
        tokio::spawn(serve);

        let (known, unknown) = (reader.read().await, reader.read().await);

        assert!(matches!(known, Reading::Fresh(_)), "{known:?}");
        assert!(matches!(unknown, Reading::Another), "{unknown:?}");
    }
}
