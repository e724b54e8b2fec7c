//! A connection's bytes, with the deadlines of a client that stands still.
//!
//! hyper's timer for the header begins when the answer before was sent, so it would end an idle
//! connection as well. A load balancer keeps its connections for a minute, and one that is closed under
//! a request costs it a 502. Only the bytes themselves tell the two apart.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_io_timeout::TimeoutStream;

use super::line::{Line, Phase};
use crate::config::Timeouts;

/// A stream that ends where nothing comes in time.
pub(super) struct PatientStream {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    line: Arc<Line>,
    idle: Duration,
    header: Duration,
    timer: Pin<Box<Sleep>>,
}

impl PatientStream {
    pub(super) fn new(stream: TcpStream, line: Arc<Line>, timeouts: &Timeouts) -> PatientStream {
        // A client that takes nothing of its answer would hold it in memory for ever.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(timeouts.send));
        let timer = Box::pin(sleep_until(Instant::now() + timeouts.idle));
        PatientStream { stream: Box::pin(stream), line, idle: timeouts.idle, header: timeouts.header_read, timer }
    }

    /// Until when something has to come, if anything has to.
    fn deadline(&self) -> Option<Instant> {
        match self.line.phase() {
            Phase::Fresh { since } | Phase::Idle { since } => Some(since + self.idle),
            Phase::Header { since } => Some(since + self.header),
            Phase::Serving | Phase::Answered | Phase::Leaving => None,
        }
    }

    /// An idle connection just ends; half a header is an error.
    fn late(&self) -> io::Result<()> {
        match self.line.phase() {
            Phase::Header { .. } => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// Whether it is too late; if not yet, the task is woken then.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline() else {
            return false;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(context).is_ready()
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        match self.stream.as_mut().poll_read(context, into) {
            // What has come in time is taken, also where this task is late.
            Poll::Pending if self.is_late(context) => return Poll::Ready(self.late()),
            read => ready!(read)?,
        }
        if into.filled().len() > before {
            // A header that comes byte by byte is late as a whole.
            if matches!(self.line.phase(), Phase::Header { .. }) && self.is_late(context) {
                return Poll::Ready(self.late());
            }
            self.line.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream.as_mut().poll_flush(context))?;
        self.line.flushed();
        // hyper may have looked for the next request before the answer was sent, and not look again: the
        // timer that begins now has to wake it.
        self.is_late(context);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::task::{Wake, Waker};

    use tokio::net::TcpListener;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    struct Woken(Notify);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.notify_one();
        }
    }

    #[tokio::test]
    async fn who_has_looked_before_the_answer_was_sent_is_woken_when_the_connection_has_been_idle() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let line = Arc::new(Line::new());
        let timeouts = Timeouts { idle: Duration::from_millis(20), ..Timeouts::default() };
        let mut stream = std::pin::pin!(PatientStream::new(stream, Arc::clone(&line), &timeouts));
        let woken = Arc::new(Woken(Notify::new()));
        let waker = Waker::from(Arc::clone(&woken));
        let (context, mut bytes) = (&mut Context::from_waker(&waker), [0; 8]);

        drop(Line::answering(&line));
        assert!(stream.as_mut().poll_read(context, &mut ReadBuf::new(&mut bytes)).is_pending());
        assert!(stream.as_mut().poll_flush(context).is_ready());

        timeout(Duration::from_secs(30), woken.0.notified()).await.unwrap();
        assert!(stream.as_mut().poll_read(context, &mut ReadBuf::new(&mut bytes)).is_ready(), "it ends");
    }
}
