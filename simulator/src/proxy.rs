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
mod kinds;
mod lies;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use gate::Gate;
pub use kinds::{CONSUMER, Call, Flow, Lie, Protocol, Trap};

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
