//! Connections: accepted up to a number, each with its deadlines, ended in order at shutdown.
//!
//! `axum::serve` has no deadline for a request's header, so hyper is driven here.

mod line;
mod room;
mod stream;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::config::Timeouts;
use line::Line;
use room::{Place, Room};
use stream::PatientStream;

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
    let room = Arc::new(Room::new(settings.max_connections));
    let connections = TaskTracker::new();
    let serve_one = |stream, place| {
        let (timeouts, shutdown) = (settings.timeouts.clone(), shutdown.clone());
        connections.spawn(Connection { stream, place, timeouts, shutdown }.serve(app.clone()));
    };
    loop {
        let next = async {
            let stream = accept(&listener, &room).await;
            (stream, Room::place(&room).await)
        };
        tokio::select! {
            () = shutdown.stop.cancelled() => break,
            (stream, place) = next => serve_one(stream, place),
        }
    }
    // Who has connected before the listener closes would be cut off with it.
    while let Some(stream) = waiting(&listener).await {
        serve_one(stream, Room::place(&room).await);
    }
    drop(listener);
    connections.close();
    if timeout(settings.timeouts.shutdown, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections did not end in time and are cut");
    }
}

/// The next connection. Out of file descriptors, an idle connection makes room for it.
async fn accept(listener: &TcpListener, room: &Room) -> TcpStream {
    /// While nothing can be accepted.
    const AGAIN: Duration = Duration::from_millis(100);
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The client has gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "connections can't be accepted; it is tried again until it works");
                }
                room.close_longest_idle();
                sleep(AGAIN).await;
            }
        }
    }
}

/// A connection that waits to be accepted, if one does.
async fn waiting(listener: &TcpListener) -> Option<TcpStream> {
    std::future::poll_fn(|context| {
        Poll::Ready(match listener.poll_accept(context) {
            Poll::Ready(Ok((stream, _))) => Some(stream),
            Poll::Ready(Err(_)) | Poll::Pending => None,
        })
    })
    .await
}

struct Connection {
    stream: TcpStream,
    place: Place,
    timeouts: Timeouts,
    shutdown: Shutdown,
}

impl Connection {
    async fn serve(self, app: Router) {
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY can't be set");
        }
        let line = self.place.line();
        let stream = PatientStream::new(self.stream, Arc::clone(line), &self.timeouts);
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
        let mut http = http1::Builder::new();
        // A client may close its side once it has sent its request, and still wants the answer.
        // The stream has the deadlines: hyper's own for the header runs while a connection is idle, too.
        http.half_close(true);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let result = tokio::select! {
            biased; // A request that has arrived is answered before the connection is told to end.
            result = connection.as_mut() => result,
            () = leave(line, &self.shutdown) => {
                connection.as_mut().graceful_shutdown();
                // Cut from outside when the grace is over.
                timeout(self.timeouts.shutdown, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection broke");
        }
    }
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
