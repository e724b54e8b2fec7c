//! `oncelog health`: one HTTP request, without a client library: it runs every few seconds.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::cli::HealthCommand;

const WITHIN: Duration = Duration::from_secs(3);

/// What came back.
pub(super) struct Answer {
    pub(super) status: String,
    pub(super) body: String,
}

/// Succeeds if the answer's status is 200.
pub(crate) fn health(command: &HealthCommand) -> anyhow::Result<()> {
    let HealthCommand { host, port, path } = command;
    let Answer { status, body } = ask(host, *port, path)?;
    if status != "200" {
        bail!("{path} answers {status}: {body}");
    }
    println!("{body}");
    Ok(())
}

/// Asks once; takes a few seconds at most.
pub(super) fn ask(host: &str, port: u16, path: &str) -> anyhow::Result<Answer> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = (host, port).to_socket_addrs().ok().and_then(|mut all| all.next());
    let address = address.with_context(|| format!("--host is {host:?}, which has no address"))?;
    let mut stream =
        TcpStream::connect_timeout(&address, WITHIN).with_context(|| format!("nothing listens on {address}"))?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).context("no answer")?;
    let status = answer.split(' ').nth(1).unwrap_or("no status").to_owned();
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim().to_owned();
    Ok(Answer { status, body })
}
