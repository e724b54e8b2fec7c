//! Is it really ready? A connection is not enough: a paused broker still accepts, and a database
//! in recovery does too. So each is asked something in its own protocol.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::wait::until_ready;

/// How long one question may take, in connecting and in answering.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a part is asked whether it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A Kafka broker: Metadata, which must name at least one live broker.
    Kafka { port: u16 },
    /// PostgreSQL: a start-up message, answered with a request to authenticate.
    Postgres { port: u16, user: String },
    /// An HTTP server: GET `path`, answered with 200.
    Http { port: u16, path: &'static str },
}

impl Probe {
    /// Asks once.
    pub(crate) fn answers(&self) -> bool {
        match self {
            Self::Kafka { port } => kafka(*port),
            Self::Postgres { port, user } => postgres(*port, user),
            Self::Http { port, path } => http(*port, path),
        }
        .unwrap_or(false)
    }
}

/// Waits until the api on this port says that events are taken, stored and judged; `false` if that
/// takes more than a minute. Each process is ready before: the consumer has yet to get its partitions.
#[must_use]
pub fn wait_healthy(port: u16) -> bool {
    const AT_MOST: Duration = Duration::from_mins(1);
    until_ready(AT_MOST, || says_healthy(port).unwrap_or(false).then_some(())).is_some()
}

fn says_healthy(port: u16) -> std::io::Result<bool> {
    Ok(get(port, "/health")?.contains(r#""status":"healthy""#))
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Metadata version 4 for no topic: every Kafka since 0.11 and Redpanda speak it. A broker that is
/// still fenced answers with no broker, and would refuse to create a topic.
fn kafka(port: u16) -> std::io::Result<bool> {
    const REQUEST: [u8; 19] = [
        0, 0, 0, 15, // length of what follows
        0, 3, 0, 4, // Metadata, version 4
        0, 0, 0, 1, // correlation id
        0xff, 0xff, // no client id
        0, 0, 0, 0, // topics: none
        0, // do not create any
    ];
    let mut stream = connect(port)?;
    stream.write_all(&REQUEST)?;
    let mut head = [0; 16];
    stream.read_exact(&mut head)?;
    // length, correlation id, throttle time, number of brokers
    Ok(head[4..8] == [0, 0, 0, 1] && head[12..16] != [0, 0, 0, 0])
}

fn postgres(port: u16, user: &str) -> std::io::Result<bool> {
    let mut body = 196_608_u32.to_be_bytes().to_vec(); // protocol 3.0
    for word in ["user", user, "database", "postgres"] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = (body.len() as u32 + 4).to_be_bytes();
    let mut stream = connect(port)?;
    stream.write_all(&length)?;
    stream.write_all(&body)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    // 'R' asks for (or grants) authentication; 'E' is "the database system is starting up".
    Ok(kind == *b"R")
}

fn http(port: u16, path: &str) -> std::io::Result<bool> {
    Ok(get(port, path)?.starts_with("HTTP/1.1 200"))
}

/// The whole answer, head and body.
fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = connect(port)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
