//! A connection's bytes, with the deadlines of a client that stands still, and its share of the memory that
//! headers may take.
//!
//! hyper's timer for the header begins when the answer before was sent, so it would end an idle
//! connection as well. A load balancer keeps its connections for a minute, and one that is closed under
//! a request costs it a 502. Only the bytes themselves tell the two apart.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::line::{Line, Phase};
use crate::config::Timeouts;
use crate::http::byte_budget::{ByteBudget, Reserved};
use crate::http::least_rate::LeastRate;
use crate::http::limit_hits::Limit;

/// What is read at once: hyper holds so much of a body before it is in a budget.
const READ_AT_ONCE: u64 = 16 * 1024;
/// Of each header, what is in no budget: hyper's first buffer.
const HEADER_FREE: usize = 8 * 1024;

/// A stream that ends where nothing comes in time.
pub(super) struct PatientStream {
    stream: Take<TcpStream>,
    line: Arc<Line>,
    idle: Duration,
    header: Duration,
    /// Of what is waited for now: bytes from the client, or that it takes some.
    timer: Pin<Box<Sleep>>,
    /// How much of an answer has to be taken.
    taken: LeastRate,
    /// Bytes of the header that is coming, or that is being answered.
    header_bytes: usize,
    held: Reserved,
}

impl PatientStream {
    /// `headers` is the budget of all headers.
    pub(super) fn new(stream: TcpStream, line: Arc<Line>, timeouts: &Timeouts, headers: &ByteBudget) -> PatientStream {
        PatientStream {
            stream: stream.take(READ_AT_ONCE),
            line,
            idle: timeouts.idle,
            header: timeouts.header_read,
            timer: Box::pin(sleep_until(Instant::now() + timeouts.idle)),
            // A client that takes nothing of its answer would hold it in memory for ever.
            taken: LeastRate::new(timeouts.min_transfer_rate, timeouts.send),
            header_bytes: 0,
            held: headers.share(),
        }
    }

    /// Until when something has to come, if anything has to.
    fn deadline(&self) -> Option<Instant> {
        match self.line.phase() {
            Phase::Fresh { since } | Phase::Idle { since } => Some(since + self.idle),
            Phase::Header { since } => Some(since + self.header),
            Phase::Serving | Phase::Answered | Phase::Leaving | Phase::Cut => None,
        }
    }

    /// An idle connection just ends; half a header is an error.
    fn late(&self) -> io::Result<()> {
        match self.line.phase() {
            Phase::Header { .. } => {
                Limit::HeaderReadTimeout.hit();
                Err(io::ErrorKind::TimedOut.into())
            }
            _ => Ok(()),
        }
    }

    /// Whether it is too late; if not yet, the task is woken then.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline() else {
            return false;
        };
        self.is_over(deadline, context)
    }

    fn is_over(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(context).is_ready()
    }

    /// Notes bytes of a header, and takes their room; of those of a body its reader takes care.
    fn received(&mut self, bytes: usize) -> io::Result<()> {
        match self.line.phase() {
            Phase::Fresh { .. } | Phase::Idle { .. } => self.header_bytes = bytes,
            Phase::Header { .. } => self.header_bytes += bytes,
            _ => return Ok(()),
        }
        self.line.received();
        let more = self.header_bytes.saturating_sub(HEADER_FREE + self.held.bytes());
        self.held.grow(more).map_err(|_| {
            Limit::HeaderBudget.hit();
            io::ErrorKind::OutOfMemory.into()
        })
    }

    /// What came of an attempt to send, unless the client takes too little.
    fn sent(&mut self, sent: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        match sent {
            Poll::Ready(Ok(bytes)) => self.taken.moved(bytes, now),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let deadline = self.taken.deadline(now);
                if self.is_over(deadline, context) {
                    Limit::SendTimeout.hit();
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        sent
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        // What is read behind a whole header would be taken for one: no more at first than is in no budget.
        let is_body = matches!(self.line.phase(), Phase::Serving | Phase::Answered);
        self.stream.set_limit(if is_body { READ_AT_ONCE } else { HEADER_FREE as u64 });
        match Pin::new(&mut self.stream).poll_read(context, into) {
            // What has come in time is taken, also where this task is late.
            Poll::Pending if self.is_late(context) => return Poll::Ready(self.late()),
            read => ready!(read)?,
        }
        let bytes = into.filled().len() - before;
        if bytes == 0 {
            return Poll::Ready(Ok(()));
        }
        // A header that comes byte by byte is late as a whole.
        if matches!(self.line.phase(), Phase::Header { .. }) && self.is_late(context) {
            return Poll::Ready(self.late());
        }
        Poll::Ready(self.received(bytes))
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(self.stream.get_mut()).poll_write(context, bytes);
        self.sent(sent, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(self.stream.get_mut()).poll_write_vectored(context, pieces);
        self.sent(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(self.stream.get_mut()).poll_flush(context))?;
        self.line.flushed();
        if matches!(self.line.phase(), Phase::Idle { .. }) {
            self.held.shrink_to(0);
            self.taken.restart();
        }
        // hyper may have looked for the next request before the answer was sent, and not look again: the
        // timer that begins now has to wake it.
        self.is_late(context);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::task::{Wake, Waker};

    use tokio::io::AsyncWriteExt;
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

    async fn connected(timeouts: &Timeouts, headers: &ByteBudget) -> (TcpStream, Arc<Line>, PatientStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let line = Arc::new(Line::new());
        let stream = PatientStream::new(stream, Arc::clone(&line), timeouts, headers);
        (client, line, stream)
    }

    #[tokio::test]
    async fn unfinished_headers_take_no_more_than_their_budget_and_give_it_back_when_they_are_answered() {
        let budget = ByteBudget::new(HEADER_FREE);
        let timeouts = Timeouts::default();
        let (mut client, line, mut stream) = connected(&timeouts, &budget).await;
        let (mut other_client, _, mut other) = connected(&timeouts, &budget).await;
        let header = [b'x'; 2 * HEADER_FREE];

        client.write_all(&header).await.unwrap();
        stream.read_exact(&mut [0; 2 * HEADER_FREE]).await.unwrap();
        other_client.write_all(&header).await.unwrap();
        other.read_exact(&mut [0; HEADER_FREE]).await.unwrap();
        let refused = other.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::OutOfMemory);

        drop(Line::answering(&line));
        assert!(budget.share().grow(1).is_err(), "the answer is not sent yet");
        stream.flush().await.unwrap();
        assert!(budget.share().grow(HEADER_FREE).is_ok());
    }

    #[tokio::test]
    async fn a_client_that_takes_less_of_its_answer_than_the_least_rate_is_cut_off() {
        let timeouts =
            Timeouts { send: Duration::from_secs(1), min_transfer_rate: usize::MAX >> 8, ..Timeouts::default() };
        let (mut client, _line, mut stream) = connected(&timeouts, &ByteBudget::new(0)).await;
        let reading =
            tokio::spawn(async move { while client.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} });

        let large = vec![0; 1024 * 1024];
        // It takes all the time, and never so much as that.
        let failure = loop {
            if let Err(error) = stream.write_all(&large).await {
                break error;
            }
        };

        assert_eq!(failure.kind(), io::ErrorKind::TimedOut);
        drop(stream);
        reading.await.unwrap();
    }

    #[tokio::test]
    async fn who_has_looked_before_the_answer_was_sent_is_woken_when_the_connection_has_been_idle() {
        let timeouts = Timeouts { idle: Duration::from_millis(20), ..Timeouts::default() };
        let (_client, line, stream) = connected(&timeouts, &ByteBudget::new(0)).await;
        let mut stream = std::pin::pin!(stream);
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
