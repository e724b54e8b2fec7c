//! A connection of one's own, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// What does not come in this time is a failure of the test, and not its endless wait.
const WITHIN: Duration = Duration::from_secs(90);

/// What was answered on it.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    /// The status line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl RawAnswer {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| *found == name).map(|(_, value)| value).next().unwrap_or_default()
    }
}

pub(crate) struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(address: &str) -> Raw {
        Raw { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    /// A connection over which little comes that is not read.
    pub(crate) async fn connect_narrowly(address: &str) -> Raw {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        Raw { stream, unread: Vec::new() }
    }

    /// A failure shows in what is read next.
    pub(crate) async fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// Asks for `path` and reads the answer; none if the connection has ended.
    pub(crate) async fn get(&mut self, path: &str) -> Option<RawAnswer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        self.answer().await
    }

    /// The next answer with a body of known length; none if the connection has ended.
    pub(crate) async fn answer(&mut self) -> Option<RawAnswer> {
        loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.unread[..at]).to_lowercase();
                let mut answer = RawAnswer { head, body: String::new() };
                let length: usize = answer.header("content-length").parse().unwrap_or(0);
                if self.unread.len() >= at + 4 + length {
                    let rest = self.unread.split_off(at + 4 + length);
                    answer.body = String::from_utf8_lossy(&self.unread[at + 4..]).into_owned();
                    self.unread = rest;
                    return Some(answer);
                }
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// Waits for the other side's end, whatever it says before.
    pub(crate) async fn ended(&mut self) {
        while self.read().await {}
    }

    async fn read(&mut self) -> bool {
        let read = tokio::time::timeout(WITHIN, self.stream.read_buf(&mut self.unread)).await;
        read.expect("something comes, or the end").is_ok_and(|read| read > 0)
    }
}
