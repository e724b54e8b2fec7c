//! Connections: accepted up to a number, each with its deadlines, ended in order at shutdown.
//!
//! `axum::serve` has no deadline for a request's header, so hyper is driven here.
//!
//! Clients that stand still are to cost little: [`MAX_HEADER_BYTES`] and [`HEADER_BUDGET_BYTES`] bound what
//! unfinished headers take, budgets of the routes what bodies and answers do.

mod connection_slots;
mod line;
mod stream;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reminder::Reminder;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::config::Timeouts;
use crate::http::byte_budget::ByteBudget;
use crate::http::contained::contained;
use crate::http::limit_hits::Limit;
use connection_slots::{ConnectionSlot, ConnectionSlots};
use line::{Line, Phase};
use stream::PatientStream;

/// What a request's header may have; beyond: 431. hyper reads headers into the buffer of bodies, so it also
/// bounds what is read ahead of a body, and copied to be sent. Above the longest cursor of a list, 48 KiB.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// What the headers of all connections may take, but for the first 8 KiB of each; beyond, the connection is cut.
const HEADER_BUDGET_BYTES: usize = 16 * 1024 * 1024;

/// What the system may hold of an answer that it has not sent yet.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 * 1024;

/// What holds for connections.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) max_connections: usize,
}

/// The two steps of an orderly end. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// First: nobody should come any more. Who comes is served, and asked to close the connection.
    pub draining: CancellationToken,
    /// Then: the listener closes, and what is in flight ends.
    pub stop: CancellationToken,
}

/// Serves until [`Shutdown::stop`], then lets what is in flight end within [`Timeouts::shutdown`].
pub(crate) async fn serve(listener: TcpListener, app: Router, settings: &Settings, shutdown: Shutdown) {
    let slots = Arc::new(ConnectionSlots::new(settings.max_connections));
    let headers = ByteBudget::new(HEADER_BUDGET_BYTES);
    let connections = TaskTracker::new();
    let serve_one = |stream, slot| {
        let (timeouts, shutdown) = (settings.timeouts.clone(), shutdown.clone());
        let headers = headers.clone();
        connections.spawn(contained(Connection { stream, slot, timeouts, headers, shutdown }.serve(app.clone())));
    };
    // Accepted, and still without a slot.
    let (mut arrived, mut refused) = (None, Reminder::new());
    loop {
        let slot = async {
            if arrived.is_none() {
                arrived = Some(accept(&listener, &slots, &mut refused).await);
            }
            ConnectionSlots::slot(&slots).await
        };
        tokio::select! {
            () = shutdown.stop.cancelled() => break,
            slot = slot => {
                if let Some(stream) = arrived.take() {
                    serve_one(stream, slot);
                }
            }
        }
    }
    let end = async {
        // Who has connected before the listener closes would be cut off with it.
        for stream in arrived.into_iter().chain(backlog(listener)) {
            serve_one(stream, ConnectionSlots::slot(&slots).await);
        }
        connections.close();
        connections.wait().await;
    };
    if timeout(settings.timeouts.shutdown, end).await.is_err() {
        tracing::warn!(open = connections.len(), "connections did not end in time and are cut");
    }
}

/// The next connection. Out of file descriptors, an idle connection makes room for it.
async fn accept(listener: &TcpListener, slots: &ConnectionSlots, refused: &mut Reminder) -> TcpStream {
    /// While nothing can be accepted.
    const AGAIN: Duration = Duration::from_millis(100);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                refused.works(Instant::now());
                return stream;
            }
            // The client has gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if let Some(lasted) = refused.fails(&error.to_string(), Instant::now()) {
                    let for_s = lasted.as_secs();
                    tracing::warn!(%error, for_s, "connections can't be accepted; it is tried again until it works");
                }
                slots.free_slot();
                sleep(AGAIN).await;
            }
        }
    }
}

/// The connections that wait to be accepted. Asked of the system itself: the runtime may not have heard of
/// the last ones yet.
fn backlog(listener: TcpListener) -> Vec<TcpStream> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let streams = accepted.filter_map(|(stream, _)| {
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    });
    streams.collect()
}

struct Connection {
    stream: TcpStream,
    slot: ConnectionSlot,
    timeouts: Timeouts,
    headers: ByteBudget,
    shutdown: Shutdown,
}

impl Connection {
    async fn serve(self, app: Router) {
        if let Err(error) = set_options(&self.stream) {
            tracing::debug!(%error, "a connection's options can't be set");
        }
        let line = self.slot.line();
        let stream = PatientStream::new(self.stream, Arc::clone(line), &self.timeouts, &self.headers);
        let service = service_fn(|request| {
            let (app, draining, answering) = (app.clone(), self.shutdown.draining.clone(), Line::answering(line));
            async move {
                let mut response = app.oneshot(request).await?;
                if draining.is_cancelled() {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response.map(|body| answering.until_the_end_of(body)))
            }
        });
        // The stream has the deadlines: hyper's own for the header runs while a connection is idle, too.
        let mut http = http1::Builder::new();
        http.max_buf_size(MAX_HEADER_BYTES);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let result = tokio::select! {
            biased; // A request that has arrived is answered before the connection is told to end.
            result = connection.as_mut() => result,
            () = leave(line, &self.shutdown) => {
                // It was half a header, and may have become whole since.
                if line.phase() == Phase::Cut {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                // Cut from outside when the grace is over.
                timeout(self.timeouts.shutdown, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = result {
            if error.is_parse_too_large() {
                Limit::HeaderBytes.hit();
            }
            tracing::debug!(%error, "a connection broke");
        }
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // The system takes megabytes of an answer that the client does not take: memory that is ours, too, where it is
    // limited, and from here it looks as if the client took them.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES)?;
    Ok(())
}

/// Waits until a connection has to end, after its present request if it has one.
async fn leave(line: &Line, shutdown: &Shutdown) {
    tokio::select! {
        () = line.asked_to_leave() => {}
        () = shutdown.stop.cancelled() => {
            if let Some(deadline) = line.request_expected_until() {
                sleep_until(deadline).await;
            }
        }
    }
}
