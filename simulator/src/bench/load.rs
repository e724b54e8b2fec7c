//! Clients that cost as little as they can: the machine's two cores are shared with what is measured.
//!
//! A request is made once; from then on only the ids in it are written anew. An answer is read up to
//! its end and not looked into, but for its status.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::pace::{Pace, Times};
use super::workload::{event_id, event_json};

/// Numbers of events: each process of the bench gives each number once.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Longer than this a consumer does not take to begin.
const VERDICTS_WITHIN: Duration = Duration::from_secs(30);

/// What a client sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadOptions {
    /// Events in a request; one is sent as an object, more as an array.
    pub(super) events: usize,
    /// Whether it asks not to wait for verdicts.
    pub(super) respond_async: bool,
    /// How many event topics there are.
    pub(super) topics: u64,
}

/// A request whose ids are written anew each time.
#[derive(Clone, Debug)]
pub(super) struct Request {
    bytes: Vec<u8>,
    ids: Vec<usize>,
}

impl Request {
    pub(super) fn new(options: LoadOptions, client: u64) -> Self {
        let events: Vec<String> = (0..options.events as u64)
            .map(|nth| {
                let topic = format!("bench-{:04}", (client + nth) % options.topics);
                event_json(&topic, &event_id(0), "2026-01-05T08:00:00.250Z")
            })
            .collect();
        let body = if options.events == 1 { events.concat() } else { format!("[{}]", events.join(",")) };
        let prefer = if options.respond_async { "prefer: respond-async\r\n" } else { "" };
        let head = format!(
            "POST /publish HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{prefer}content-length: {}\r\n\r\n",
            body.len()
        );
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        let id = event_id(0);
        let ids = String::from_utf8_lossy(&bytes).match_indices(&id).map(|(at, _)| at).collect();
        Self { bytes, ids }
    }

    /// The request with ids that nobody has used.
    pub(super) fn fresh(&mut self) -> &[u8] {
        let first = NUMBERS.fetch_add(self.ids.len() as u64, Ordering::Relaxed);
        for (number, &at) in (first..).zip(&self.ids) {
            let id = event_id(number);
            self.bytes[at..at + id.len()].copy_from_slice(id.as_bytes());
        }
        &self.bytes
    }
}

/// A connection that sends one request after the other.
pub(super) struct Client {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Client {
    pub(super) async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(64 * 1024) })
    }

    async fn connect_all(port: u16, clients: usize) -> Result<Vec<Self>> {
        let mut connected = Vec::new();
        for _ in 0..clients {
            connected.push(Self::connect(port).await?);
        }
        Ok(connected)
    }

    /// Sends a request and reads its answer; gives the status.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        loop {
            if let Some((status, length)) = head(&self.buffer)? {
                while self.buffer.len() < length {
                    self.read().await?;
                }
                self.buffer.advance(length);
                return Ok(status);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
        Ok(())
    }
}

/// Status and length of an answer, once its head is there.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(bytes)? else {
        return Ok(None);
    };
    let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("an answer without content-length")?;
    let length: usize = std::str::from_utf8(length.value)?.parse()?;
    Ok(Some((answer.code.unwrap_or_default(), head + length)))
}

/// Events per second that so many clients get confirmed, each of which sends again once it is answered.
pub(super) async fn closed_loop(port: u16, options: LoadOptions, (clients, lasting): (usize, Duration)) -> Result<f64> {
    let connections = Client::connect_all(port, clients).await?;
    let confirmed = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let deadline = begun + lasting;
    let mut tasks = tokio::task::JoinSet::new();
    for (number, mut client) in (0..).zip(connections) {
        let confirmed = confirmed.clone();
        tasks.spawn(async move {
            let mut request = Request::new(options, number);
            while Instant::now() < deadline {
                match client.ask(request.fresh()).await? {
                    200 | 202 => confirmed.fetch_add(options.events as u64, Ordering::Relaxed),
                    status => bail!("answered {status}"),
                };
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(confirmed.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

/// Waits until a verdict is answered: the consumer has its partitions and has begun to store.
pub(super) async fn until_verdicts(port: u16) -> Result<()> {
    let mut client = Client::connect(port).await?;
    let mut request = Request::new(LoadOptions { events: 1, respond_async: false, topics: 1 }, 0);
    let deadline = Instant::now() + VERDICTS_WITHIN;
    while client.ask(request.fresh()).await? != 200 {
        ensure!(Instant::now() < deadline, "no verdict within {} s", VERDICTS_WITHIN.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Times from when a request was due to its verdict, at a rate that is kept whatever the answers do.
pub(super) async fn verdicts(port: u16, options: LoadOptions, pace: Pace) -> Result<Times> {
    let connections = Client::connect_all(port, pace.clients).await?;
    let beat = pace.start();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, mut client) in (0..).zip(connections) {
        let beat = beat.clone();
        tasks.spawn(async move {
            let (mut request, mut times) = (Request::new(options, number), Times::new());
            while let Some(due) = beat.next().await {
                match client.ask(request.fresh()).await? {
                    200 => times.since(due.at),
                    202 => times.never(),
                    status => bail!("answered {status}"),
                }
            }
            Ok(times)
        });
    }
    Times::of_all(tasks).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const BATCH: LoadOptions = LoadOptions { events: 3, respond_async: true, topics: 2 };

    #[test]
    fn each_sending_has_ids_of_its_own_and_the_length_stays() {
        let mut request = Request::new(BATCH, 0);
        assert_eq!(request.ids.len(), 3);
        let first = request.fresh().to_vec();
        let second = request.fresh().to_vec();
        assert_eq!(first.len(), second.len());
        let body = |bytes: &[u8]| -> serde_json::Value {
            let text = String::from_utf8_lossy(bytes).into_owned();
            serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
        };
        let ids = |bytes: &[u8]| -> Vec<String> {
            body(bytes).as_array().unwrap().iter().map(|event| event["event_id"].to_string()).collect()
        };
        let mut all = [ids(&first), ids(&second)].concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(head(answer).unwrap(), Some((202, answer.len())));
        assert_eq!(head(&answer[..20]).unwrap(), None);
    }
}
