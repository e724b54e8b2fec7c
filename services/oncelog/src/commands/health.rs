//! `oncelog health`: one HTTP request, without a client library: it runs every few seconds.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::print;
use crate::cli::HealthCommand;
use crate::settings::values::A_HOST;

const WITHIN: Duration = Duration::from_secs(3);

/// What came back.
pub(super) struct Answer {
    pub(super) status: String,
    pub(super) body: String,
}

/// Succeeds if the answer's status is 200.
pub(crate) fn health(command: &HealthCommand) -> anyhow::Result<()> {
    let HealthCommand { host, port, path } = command;
    let Answer { status, body } = ask(host.as_deref(), *port, path)?;
    if status != "200" {
        bail!("{path} answers {status}: {body}");
    }
    print(format!("{body}\n").as_bytes())
}

/// Asks once, whoever of the host's addresses is the first to be listened on; takes a few seconds at most.
/// Without a host, what listens everywhere.
pub(super) fn ask(host: Option<&str>, port: u16, path: &str) -> anyhow::Result<Answer> {
    let mut stream = connect(host.unwrap_or("::"), port)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).context("no answer")?;
    let status = answer.split(' ').nth(1).unwrap_or("no status").to_owned();
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim().to_owned();
    Ok(Answer { status, body })
}

fn connect(host: &str, port: u16) -> anyhow::Result<TcpStream> {
    let mut refused = Vec::new();
    for address in addresses(host, port) {
        match TcpStream::connect_timeout(&address, WITHIN) {
            Ok(stream) => return Ok(stream),
            Err(error) => refused.push(format!("nothing listens on {address}: {error}")),
        }
    }
    ensure!(!refused.is_empty(), "HOST (--host) is {host:?}, which has no address. Allowed: {A_HOST}");
    bail!("{}", refused.join("; "));
}

/// What listens everywhere is asked on this machine's loopback.
fn addresses(host: &str, port: u16) -> Vec<SocketAddr> {
    if host.parse().is_ok_and(|address: IpAddr| address.is_unspecified()) {
        return vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    }
    (host, port).to_socket_addrs().into_iter().flatten().collect()
}
