//! Attackers that hold connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::deeds::{Attacker, Deeds, Victims};

const HEADERS: usize = 1_000;
const HEADER_BYTES: usize = 400_000;
/// What is left of a header to be sent byte by byte.
const LEFT: usize = 1_000;
/// Together, but for a byte each, they are all that the bodies of all requests may have by default.
const BODIES: usize = 3;
const BODY_BYTES: usize = 8 * 1024 * 1024;
const READERS: usize = 16;
/// With a small window what is not read stays with the server.
const WINDOW_BYTES: u32 = 4 * 1024;
const IDLE: usize = 1_000;
const IDLE_AT_THE_CONSUMER: usize = 200;
/// A server that takes nothing of what is sent is attacked by now.
const SENT_WITHIN: Duration = Duration::from_secs(5);
/// Before an attacker comes back who was sent away: what they hold does harm, not how often they come.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two bytes.
const TRICKLE: Duration = Duration::from_millis(500);

pub(super) fn unfinished_headers(victims: &Victims, deeds: &Arc<Deeds>) -> Vec<Attacker> {
    let header = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: {}", "x".repeat(HEADER_BYTES - LEFT));
    let (api, header) = (victims.api, Bytes::from(header));
    let trickle = |mut stream: TcpStream| async move {
        while stream.write_all(b"x").await.is_ok() {
            sleep(TRICKLE).await;
        }
    };
    (0..HEADERS).map(|_| again(deeds, sending(api, header.clone()), trickle)).collect()
}

/// With a length, and in a chunk.
pub(super) fn endless_bodies(victims: &Victims, deeds: &Arc<Deeds>) -> Vec<Attacker> {
    let sent = " ".repeat(BODY_BYTES - 1);
    let framings = [
        format!("Content-Length: {BODY_BYTES}\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\n\r\n{BODY_BYTES:x}\r\n"),
    ];
    let requests = framings.map(|framing| Bytes::from(format!("POST /publish HTTP/1.1\r\nHost: x\r\n{framing}{sent}")));
    let body = |nth: usize| sending(victims.api, requests[nth % 2].clone());
    (0..BODIES).map(|nth| again(deeds, body(nth), until_closed)).collect()
}

pub(super) fn stalled_readers(victims: &Victims, deeds: &Arc<Deeds>) -> Vec<Attacker> {
    let api = victims.api;
    let ask = move || async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(WINDOW_BYTES)?;
        let mut stream = socket.connect(api).await?;
        stream.write_all(b"GET /events?limit=10000 HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        Ok(stream)
    };
    // Who reads nothing does not see that the connection is closed either.
    let hold = |stream: TcpStream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    };
    (0..READERS).map(|_| again(deeds, ask, hold)).collect()
}

pub(super) fn idle_connections(victims: &Victims, deeds: &Arc<Deeds>) -> Vec<Attacker> {
    let idle = |port: SocketAddr| again(deeds, move || TcpStream::connect(port), until_closed);
    let api = (0..IDLE).map(|_| idle(victims.api));
    api.chain((0..IDLE_AT_THE_CONSUMER).map(|_| idle(victims.consumer))).collect()
}

/// Connects and sends all of this.
fn sending(api: SocketAddr, bytes: Bytes) -> impl Fn() -> BoxFuture<'static, io::Result<TcpStream>> + Send + 'static {
    move || {
        let bytes = bytes.clone();
        Box::pin(async move {
            let mut stream = TcpStream::connect(api).await?;
            match timeout(SENT_WITHIN, stream.write_all(&bytes)).await {
                Ok(Err(error)) => Err(error),
                _ => Ok(stream),
            }
        })
    }
}

async fn until_closed(mut stream: TcpStream) {
    // An error ends it, too.
    let _ = stream.read(&mut [0]).await;
}

/// Begins, goes on until it is sent away, and comes back.
fn again<Begun, Over>(
    deeds: &Arc<Deeds>,
    begin: impl Fn() -> Begun + Send + 'static,
    go_on: impl Fn(TcpStream) -> Over + Send + 'static,
) -> Attacker
where
    Begun: Future<Output = io::Result<TcpStream>> + Send,
    Over: Future<Output = ()> + Send,
{
    let deeds = deeds.clone();
    Box::pin(async move {
        let mut first = true;
        loop {
            let connected = begin().await;
            // To be sent away in the middle of it is to have done it.
            deeds.done(&mut first);
            if let Ok(stream) = connected {
                go_on(stream).await;
            }
            sleep(PAUSE).await;
        }
    })
}
