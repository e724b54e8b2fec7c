//! A TCP proxy that breaks connections on purpose.
//!
//! It stands between a service and its broker or database, so that a fault strikes
//! the connection and neither of its ends. It knows the two protocols as far as it
//! takes to strike at one call: hold an offset commit, cut the answer of a Produce,
//! lose a COMMIT before or after it was carried out; and have a broker say what is not true.
//!
//! Dropping it closes the port and all connections.

mod connection;
mod exchange;
mod frames;
mod gate;
mod lies;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use gate::Gate;

/// What is spoken through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Anything; no trap ever springs.
    Bytes,
    /// Kafka's, without TLS.
    Kafka,
    /// PostgreSQL's; a request for TLS is declined.
    Postgres,
}

/// How bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// At once.
    #[default]
    Freely,
    /// Each message this much later, in both directions.
    Slowly(Duration),
    /// Not at all, with every connection open: what a firewall that drops packets
    /// looks like. What was held back passes when the flow changes, unless the
    /// connections are cut before.
    Stalled,
    /// Not at all: connections are closed, and new ones at once.
    Closed,
}

/// A call that a trap can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Kafka: records are appended (API key 0).
    Produce,
    /// Kafka: where partitions begin and end is asked for (API key 2).
    ListOffsets,
    /// Kafka: a group's offsets are committed (API key 8).
    OffsetCommit,
    /// PostgreSQL: a transaction is committed.
    Commit,
}

/// What happens to a call that meets a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trap {
    /// It waits, and so do all that follow, until the trap is taken away.
    Hold,
    /// The connection is cut, and the call never arrives. Springs once.
    CutBefore,
    /// The call is carried out, and the connection is cut in place of its answer.
    /// Springs once.
    CutAfter,
}

/// What the consumers call themselves to the broker, where it is to tell them from the api.
pub const CONSUMER: &str = "consumer";

/// What a broker says that is not true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// Of this partition it has nothing at any offset (Fetch: `OFFSET_OUT_OF_RANGE`).
    OutOfRange(i32),
    /// This partition is empty: what a client named [`CONSUMER`] hears when it asks the next time where the
    /// partition begins and ends (`ListOffsets`, twice).
    Empty(i32),
    /// It serves no version in which topics have ids (`ApiVersions`): counts for new connections.
    NoTopicIds,
}

/// A proxy on a loopback port.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    gate: Arc<Gate>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a loopback port (0: any) for connections to `upstream`.
    pub async fn start(port: u16, upstream: SocketAddr, protocol: Protocol) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        let gate = Arc::new(Gate::default());
        let listening = tokio::spawn(listen(listener, upstream, protocol, gate.clone()));
        Ok(Self { port, gate, listening })
    }

    /// The loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes how bytes pass, on all connections.
    pub fn flow(&self, flow: Flow) {
        self.gate.set_flow(flow);
    }

    /// Closes all connections; new ones are as welcome as before.
    pub fn cut(&self) {
        self.gate.cut();
    }

    /// Lays a trap; it replaces the one before.
    pub fn lay(&self, call: Call, trap: Trap) {
        self.gate.lay(call, trap);
    }

    /// Waits until the trap that was laid last has caught a call.
    pub async fn sprung(&self) {
        self.gate.sprung().await;
    }

    /// Takes the trap away; what it holds passes.
    pub fn release(&self) {
        self.gate.release();
    }

    /// Has the broker say something that is not true, besides what it says already.
    pub fn lie(&self, lie: Lie) {
        self.gate.lie(lie);
    }

    /// Has the broker say what is true.
    pub fn tell_the_truth(&self) {
        self.gate.tell_the_truth();
    }

    /// No trap, no lie, free flow. What hangs half-open is cut.
    pub fn mend(&self) {
        self.gate.mend();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its connections are the task's own, and go with it.
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, upstream: SocketAddr, protocol: Protocol, gate: Arc<Gate>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An accept fails where a client has gone already, or no file is left: the next one may do.
            Ok((client, _)) = listener.accept() => {
                connections.spawn(connection::carry(client, upstream, protocol, gate.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
