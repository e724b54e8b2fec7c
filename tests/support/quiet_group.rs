//! A broker that can be told to say nothing of its consumer groups: neither who is in one, nor which there are.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stack::{Native, Options, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_blocking};

use super::setup::Addresses;

/// Kafka's numbers of `DescribeGroups` and `ListGroups`.
const ABOUT_GROUPS: [i16; 2] = [15, 16];

/// A broker and a database, and a way to the broker that leaves such questions out.
pub(crate) struct QuietGroup {
    native: Native,
    port: u16,
    is_quiet: Arc<AtomicBool>,
    listening: JoinHandle<()>,
}

impl QuietGroup {
    /// It says everything, for now.
    pub(crate) async fn start() -> QuietGroup {
        let port = free_port().unwrap();
        let options = Options { proxied_port: Some(port), ..Options::default() };
        let native = spawn_blocking(move || Native::start(&options)).await.unwrap().unwrap();
        let broker = native.proxied().unwrap().listener;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let is_quiet = Arc::new(AtomicBool::new(false));
        let listening = tokio::spawn(listen(listener, broker, is_quiet.clone()));
        QuietGroup { native, port, is_quiet, listening }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { brokers: format!("127.0.0.1:{}", self.port), database_url: self.native.database_url() }
    }

    /// From now on, questions about groups are never answered; or they are again.
    pub(crate) fn quiet(&self, is_quiet: bool) {
        self.is_quiet.store(is_quiet, Ordering::SeqCst);
    }
}

impl Drop for QuietGroup {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, broker: u16, is_quiet: Arc<AtomicBool>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(("127.0.0.1", broker)).await else { continue };
        let ((asked, mut client), (mut answered, server)) = (client.into_split(), server.into_split());
        let is_quiet = is_quiet.clone();
        // An error is an end like any other: both sides see a closed connection.
        tokio::spawn(async move {
            tokio::select! {
                ended = pass(asked, server, &is_quiet) => ended,
                ended = tokio::io::copy(&mut answered, &mut client) => ended.map(drop),
            }
        });
    }
}

/// Each request is its size, and begins with the number of the call.
async fn pass(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, is_quiet: &AtomicBool) -> io::Result<()> {
    loop {
        let size = client.read_u32().await?;
        let mut request = vec![0; size as usize];
        client.read_exact(&mut request).await?;
        let call = request.first_chunk().map(|number| i16::from_be_bytes(*number));
        let is_about_groups = call.is_some_and(|call| ABOUT_GROUPS.contains(&call));
        if !(is_about_groups && is_quiet.load(Ordering::SeqCst)) {
            server.write_u32(size).await?;
            server.write_all(&request).await?;
        }
    }
}
