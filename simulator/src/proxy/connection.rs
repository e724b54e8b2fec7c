//! One connection through the proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;

use super::exchange::Exchange;
use super::frames::{self, Frame, Side};
use super::gate::{Gate, Order};
use super::kinds::Protocol;

/// Codes in place of a version, by which a client asks for encryption first.
const ASKS_FOR_ENCRYPTION: [i32; 2] = [80_877_103, 80_877_104];

/// Carries one connection to its end, whatever that is.
pub(super) async fn carry(client: TcpStream, upstream: SocketAddr, protocol: Protocol, gate: Arc<Gate>) {
    let Some(age) = gate.enter() else {
        return;
    };
    tokio::select! {
        () = gate.cut_after(age) => {}
        // An error is an end like any other: the two sides see a closed connection.
        _ = between(client, upstream, protocol, &gate) => {}
    }
}

async fn between(mut client: TcpStream, upstream: SocketAddr, protocol: Protocol, gate: &Gate) -> io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    if protocol == Protocol::Postgres && !open(&mut client, &mut server, gate).await? {
        return Ok(());
    }
    let exchange = Exchange::default();
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        end = requests(&mut from_client, &mut to_server, protocol, (gate, &exchange)) => end,
        end = answers(&mut from_server, &mut to_client, protocol, (gate, &exchange)) => end,
    }
}

/// The opening of a PostgreSQL session; encryption is declined. Whether there is a session.
async fn open(client: &mut TcpStream, server: &mut TcpStream, gate: &Gate) -> io::Result<bool> {
    while let Some((bytes, code)) = frames::opening(client).await? {
        if ASKS_FOR_ENCRYPTION.contains(&code) {
            client.write_all(b"N").await?;
            continue;
        }
        gate.flowing().await;
        server.write_all(&bytes).await?;
        return Ok(true);
    }
    Ok(false)
}

async fn requests<W>(from: &mut ReadHalf<'_>, to: &mut W, protocol: Protocol, by: (&Gate, &Exchange)) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let (gate, exchange) = by;
    while let Some(Frame { bytes, call, id, asked }) = frames::next(from, protocol, Side::Client).await? {
        gate.flowing().await;
        if let Some((id, asked)) = id.zip(asked) {
            exchange.ask(id, asked);
        }
        if let Some(call) = call {
            match gate.meet(call).await {
                Order::PassLate if has_gone(from.as_ref()) => break,
                Order::Pass | Order::PassLate => {}
                Order::PassWithoutAnswer => id.into_iter().for_each(|id| exchange.doom(id)),
                Order::Cut => break,
            }
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Whether the client has closed its side, asked of the system itself: other requests may still lie
/// unread before the end.
fn has_gone(client: &TcpStream) -> bool {
    let mut asked = [PollFd::new(client, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&now)).is_ok_and(|found| found > 0)
}

async fn answers<R, W>(from: &mut R, to: &mut W, protocol: Protocol, by: (&Gate, &Exchange)) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (gate, exchange) = by;
    while let Some(Frame { mut bytes, id, .. }) = frames::next(from, protocol, Side::Server).await? {
        if id.is_some_and(|id| exchange.is_doomed(id)) {
            gate.answer_caught();
            break;
        }
        gate.flowing().await;
        if let Some(asked) = id.and_then(|id| exchange.answered(id)) {
            gate.falsify(asked, &mut bytes);
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}
