//! Connections: accepted up to a number, each with its deadlines, ended in order at shutdown.
//!
//! `axum::serve` has no deadline for a request's header, so hyper is driven here.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Timeouts;

/// What holds for connections.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) max_connections: usize,
}

/// Serves until `shutdown`, then lets what is in flight end within [`Timeouts::shutdown`].
pub(crate) async fn serve(listener: TcpListener, app: Router, settings: &Settings, shutdown: CancellationToken) {
    let room = Arc::new(Semaphore::new(settings.max_connections));
    let connections = TaskTracker::new();
    loop {
        let next = async { (Arc::clone(&room).acquire_owned().await, accept(&listener).await) };
        let (place, stream) = tokio::select! {
            () = shutdown.cancelled() => break,
            next = next => next,
        };
        let connection = Connection { stream, timeouts: settings.timeouts.clone(), shutdown: shutdown.clone() };
        let app = app.clone();
        connections.spawn(async move {
            connection.serve(app).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if timeout(settings.timeouts.shutdown, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections did not end in time and are cut");
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    /// Out of file descriptors: others have to end first.
    const AGAIN: Duration = Duration::from_millis(100);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                sleep(AGAIN).await;
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    timeouts: Timeouts,
    shutdown: CancellationToken,
}

impl Connection {
    async fn serve(self, app: Router) {
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY can't be set");
        }
        // A client that takes nothing of its answer would hold it in memory for ever.
        let mut stream = TimeoutStream::new(self.stream);
        stream.set_write_timeout(Some(self.timeouts.send));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.timeouts.header_read);
        let stream = TokioIo::new(Box::pin(stream));
        let mut connection = pin!(http.serve_connection(stream, TowerToHyperService::new(app)));
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.shutdown.cancelled() => {
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
