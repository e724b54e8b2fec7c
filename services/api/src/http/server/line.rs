//! What a connection is doing: shared by its stream, its requests, and those who look for an idle one.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Where a connection stands between two requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has come yet.
    Fresh { since: Instant },
    /// The last answer was sent, and nothing has come since.
    Idle { since: Instant },
    /// A request's header has begun to come.
    Header { since: Instant },
    /// A request is being answered.
    Serving,
    /// The answer is whole, but not yet sent.
    Answered,
    /// It has been asked to leave, and was idle.
    Leaving,
    /// It has to go, with half a header.
    Cut,
}

/// One connection's state.
#[derive(Debug)]
pub(super) struct Line {
    phase: Mutex<Phase>,
    leave: Notify,
}

impl Line {
    pub(super) fn new() -> Line {
        Line { phase: Mutex::new(Phase::Fresh { since: Instant::now() }), leave: Notify::new() }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, next: impl FnOnce(Phase) -> Phase) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = next(*phase);
    }

    /// Bytes have come. The first ones begin a request's header.
    pub(super) fn received(&self) {
        self.turn(|phase| match phase {
            Phase::Fresh { .. } | Phase::Idle { .. } => Phase::Header { since: Instant::now() },
            other => other,
        });
    }

    /// All that was written has been sent.
    pub(super) fn flushed(&self) {
        self.turn(|phase| if phase == Phase::Answered { Phase::Idle { since: Instant::now() } } else { phase });
    }

    /// A request's header is whole; until the answer is dropped the connection is not idle.
    pub(super) fn answering(line: &Arc<Line>) -> Answering {
        line.turn(|_| Phase::Serving);
        Answering { line: Arc::clone(line) }
    }

    /// Since when no request is there, if so, and whether half a header is: of two, the greater may stay.
    pub(super) fn without_request_since(&self) -> Option<(bool, Instant)> {
        match self.phase() {
            Phase::Fresh { since } | Phase::Idle { since } => Some((false, since)),
            Phase::Header { since } => Some((true, since)),
            _ => None,
        }
    }

    /// Asks a connection without a request to leave; a busy one is left alone.
    pub(super) fn ask_to_leave(&self) {
        let mut asked = false;
        self.turn(|phase| {
            let next = match phase {
                Phase::Fresh { .. } | Phase::Idle { .. } => Phase::Leaving,
                Phase::Header { .. } => Phase::Cut,
                busy => return busy,
            };
            asked = true;
            next
        });
        if asked {
            self.leave.notify_one();
        }
    }

    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// How long a request may still be on its way that its sender could not have kept back: one that
    /// was begun just now, or that follows a connection which was opened just now.
    pub(super) fn request_expected_until(&self) -> Option<Instant> {
        const A_MOMENT: Duration = Duration::from_millis(500);
        match self.phase() {
            Phase::Fresh { since } | Phase::Header { since } => Some(since + A_MOMENT),
            _ => None,
        }
    }
}

/// A request that is being answered.
pub(super) struct Answering {
    line: Arc<Line>,
}

impl Answering {
    pub(super) fn until_the_end_of(self, body: Body) -> AnswerBody {
        AnswerBody { body, _answering: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.line.turn(|_| Phase::Answered);
    }
}

/// The body of an answer; when hyper drops it, all of it has been handed over.
pub(super) struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_idle_only_when_its_answer_was_sent() {
        let line = Arc::new(Line::new());
        assert!(line.without_request_since().is_some());

        line.received();
        let header = line.phase();
        line.received();
        assert!(matches!(header, Phase::Header { .. }) && line.phase() == header, "the first byte counts");

        let answering = Line::answering(&line);
        line.flushed();
        line.received();
        assert_eq!(line.phase(), Phase::Serving);
        drop(answering);
        assert!(line.without_request_since().is_none());
        line.flushed();
        assert!(matches!(line.phase(), Phase::Idle { .. }));
    }

    #[tokio::test]
    async fn half_a_header_is_cut_off_and_a_whole_one_is_answered() {
        let [half, whole] = [(); 2].map(|()| Arc::new(Line::new()));
        for line in [&half, &whole] {
            line.received();
            line.ask_to_leave();
            line.asked_to_leave().await;
        }
        let _answering = Line::answering(&whole);

        assert_eq!((half.phase(), whole.phase()), (Phase::Cut, Phase::Serving));
    }

    #[tokio::test]
    async fn only_an_idle_line_leaves() {
        let line = Arc::new(Line::new());
        let answering = Line::answering(&line);
        line.ask_to_leave();
        assert_eq!(line.phase(), Phase::Serving);

        drop(answering);
        line.flushed();
        line.ask_to_leave();
        line.asked_to_leave().await;

        assert_eq!(line.phase(), Phase::Leaving);
    }
}
