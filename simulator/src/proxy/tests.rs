//! On real sockets, with servers that answer every message by one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Call, Flow, Protocol, Proxy, Trap};

const LONG: Duration = Duration::from_secs(10);

/// A server that counts the messages that reach it.
struct Server {
    proxy: Proxy,
    reached: Arc<AtomicUsize>,
}

impl Server {
    /// `length` and `answer` are those of one message of the protocol.
    async fn behind_a_proxy(protocol: Protocol, length: usize, answer: fn(&[u8]) -> Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        let reached = Arc::new(AtomicUsize::new(0));
        let counted = reached.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let counted = counted.clone();
                tokio::spawn(async move {
                    if protocol == Protocol::Postgres {
                        client.read_exact(&mut [0; 8]).await.unwrap();
                    }
                    let mut message = vec![0; length];
                    while client.read_exact(&mut message).await.is_ok() {
                        counted.fetch_add(1, Ordering::SeqCst);
                        client.write_all(&answer(&message)).await.unwrap();
                    }
                });
            }
        });
        Self { proxy: Proxy::start(0, upstream, protocol).await.unwrap(), reached }
    }

    async fn echo() -> Self {
        Self::behind_a_proxy(Protocol::Bytes, 4, <[u8]>::to_vec).await
    }

    async fn kafka() -> Self {
        Self::behind_a_proxy(Protocol::Kafka, 12, |request| [&[0, 0, 0, 4], &request[8..12]].concat()).await
    }

    async fn postgres() -> Self {
        Self::behind_a_proxy(Protocol::Postgres, 12, |_| b"C\0\0\0\x0bCOMMIT\0".to_vec()).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.proxy.port())).await.unwrap()
    }

    fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }
}

fn request(api_key: u8, correlation: u8) -> Vec<u8> {
    vec![0, 0, 0, 8, 0, api_key, 0, 0, 0, 0, 0, correlation]
}

/// What comes back, or none at the end of the connection.
async fn answer(client: &mut TcpStream, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    timeout(LONG, client.read_exact(&mut bytes)).await.expect("an answer or an end").ok().map(|_| bytes)
}

async fn ask(client: &mut TcpStream, bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    client.write_all(bytes).await.unwrap();
    answer(client, length).await
}

#[tokio::test]
async fn bytes_pass_unchanged_until_they_are_cut() {
    let server = Server::echo().await;
    let mut client = server.connect().await;
    assert_eq!(ask(&mut client, b"once", 4).await.unwrap(), b"once");

    server.proxy.cut();

    assert_eq!(answer(&mut client, 4).await, None);
    let mut next = server.connect().await;
    assert_eq!(ask(&mut next, b"more", 4).await.unwrap(), b"more");
}

#[tokio::test]
async fn closed_ends_what_is_open_and_takes_nothing_new_until_mended() {
    let server = Server::echo().await;
    let mut client = server.connect().await;
    assert!(ask(&mut client, b"once", 4).await.is_some());

    server.proxy.flow(Flow::Closed);

    assert_eq!(answer(&mut client, 4).await, None);
    assert_eq!(answer(&mut server.connect().await, 4).await, None);
    server.proxy.mend();
    assert!(ask(&mut server.connect().await, b"more", 4).await.is_some());
}

#[tokio::test]
async fn a_stall_holds_everything_back_and_lets_it_pass_later() {
    let server = Server::echo().await;
    let mut client = server.connect().await;
    assert!(ask(&mut client, b"once", 4).await.is_some());

    server.proxy.flow(Flow::Stalled);
    client.write_all(b"late").await.unwrap();
    assert!(timeout(Duration::from_millis(100), client.read_u8()).await.is_err(), "nothing, and no end either");
    assert_eq!(server.reached(), 1);

    server.proxy.flow(Flow::Freely);
    assert_eq!(answer(&mut client, 4).await.unwrap(), b"late");
}

#[tokio::test]
async fn a_held_call_waits_and_others_pass() {
    let server = Server::kafka().await;
    let (mut held, mut other) = (server.connect().await, server.connect().await);
    server.proxy.lay(Call::OffsetCommit, Trap::Hold);

    held.write_all(&request(8, 1)).await.unwrap();
    server.proxy.sprung().await;
    assert_eq!(ask(&mut other, &request(1, 7), 8).await.unwrap(), [0, 0, 0, 4, 0, 0, 0, 7]);
    assert_eq!(server.reached(), 1);

    server.proxy.release();
    assert_eq!(answer(&mut held, 8).await.unwrap(), [0, 0, 0, 4, 0, 0, 0, 1]);
}

#[tokio::test]
async fn a_call_that_is_cut_before_never_arrives_and_the_next_one_does() {
    let server = Server::kafka().await;
    server.proxy.lay(Call::Produce, Trap::CutBefore);

    assert_eq!(ask(&mut server.connect().await, &request(0, 1), 8).await, None);

    server.proxy.sprung().await;
    assert_eq!(server.reached(), 0);
    assert!(ask(&mut server.connect().await, &request(0, 2), 8).await.is_some());
}

#[tokio::test]
async fn a_call_that_is_cut_after_is_carried_out_without_an_answer() {
    let server = Server::kafka().await;
    let mut client = server.connect().await;
    server.proxy.lay(Call::Produce, Trap::CutAfter);
    assert!(ask(&mut client, &request(1, 1), 8).await.is_some(), "another call has its answer");

    assert_eq!(ask(&mut client, &request(0, 2), 8).await, None);

    server.proxy.sprung().await;
    assert_eq!(server.reached(), 2);
}

#[tokio::test]
async fn a_commit_is_found_behind_the_opening_and_encryption_is_declined() {
    let server = Server::postgres().await;
    let mut client = server.connect().await;
    let asks_for_tls = [0, 0, 0, 8, 4, 210, 22, 47];
    assert_eq!(ask(&mut client, &asks_for_tls, 1).await.unwrap(), b"N");
    client.write_all(&[0, 0, 0, 8, 0, 3, 0, 0]).await.unwrap();
    server.proxy.lay(Call::Commit, Trap::CutAfter);

    assert!(ask(&mut client, b"Q\0\0\0\x0bSELEC\0\0", 12).await.is_some());
    assert_eq!(ask(&mut client, b"Q\0\0\0\x0bCOMMIT\0", 12).await, None);

    server.proxy.sprung().await;
    assert_eq!(server.reached(), 2);
}

#[tokio::test]
async fn a_held_call_of_a_client_that_has_gone_never_arrives() {
    let server = Server::kafka().await;
    let mut client = server.connect().await;
    server.proxy.lay(Call::OffsetCommit, Trap::Hold);
    client.write_all(&[request(8, 1), request(12, 2)].concat()).await.unwrap();
    timeout(LONG, server.proxy.sprung()).await.unwrap();

    drop(client);
    server.proxy.release();

    assert!(ask(&mut server.connect().await, &request(8, 3), 8).await.is_some());
    assert_eq!(server.reached(), 1);
}
