//! Where the process listens, and what to say if it can't.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::anyhow;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::settings::values::A_HOST;

/// A host and a port, and what the settings are called that hold them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) host: Option<&'a str>,
    pub(crate) port: u16,
    pub(crate) names: (&'static str, &'static str),
}

pub(crate) const API: (&str, &str) = ("HOST (--host)", "PORT (--port)");
pub(crate) const CONSUMER: (&str, &str) = ("CONSUMER_HOST (--consumer-host)", "CONSUMER_PORT (--consumer-port)");

/// Listens there; without a host on all addresses, of IPv6 and IPv4 where there is IPv6.
pub(crate) async fn listen(place: Place<'_>) -> anyhow::Result<TcpListener> {
    let listener = match place.host {
        None => everywhere(place.port, bind).map_err(|(address, error)| refused(place, address, &error))?,
        Some(host) => named(place, host).await?,
    };
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening");
    }
    Ok(listener)
}

fn everywhere<T>(port: u16, bind: impl Fn(SocketAddr) -> io::Result<T>) -> Result<T, (SocketAddr, io::Error)> {
    let all = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    match bind(all) {
        Err(error) if is_no_ipv6(&error) => {
            let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            bind(all).map_err(|error| (all, error))
        }
        done => done.map_err(|error| (all, error)),
    }
}

/// The kernel has no IPv6, or has it switched off.
fn is_no_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

async fn named(place: Place<'_>, host: &str) -> anyhow::Result<TcpListener> {
    let found = tokio::net::lookup_host((host, place.port)).await;
    let unknown = |why: String| {
        anyhow!("{} is {host:?}: {why}; some shells set HOST to the machine's name. Allowed: {A_HOST}", place.names.0)
    };
    let addresses = ipv4_first(found.map_err(|error| unknown(error.to_string()))?);
    let mut last = unknown("it has no address".to_owned());
    for address in addresses {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = refused(place, address, &error),
        }
    }
    Err(last)
}

/// localhost has an address of each family, and who asks 127.0.0.1 is not to find nobody there.
fn ipv4_first(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    /// Connections that wait to be accepted.
    const BACKLOG: i32 = 1024;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        // Whatever the system's default is: `::` is IPv4, too.
        socket.set_only_v6(false)?;
    }
    // A restart need not wait for connections of the process before.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn refused(place: Place<'_>, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let (host, port) = place.names;
    let number = place.port;
    match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "{port} is {number}: can't listen on {address}, for another process does. Allowed: a free port from 1 to 65535"
        ),
        ErrorKind::PermissionDenied => anyhow!(
            "{port} is {number}: can't listen on {address}: {error}. Allowed: a port from 1024 on, or one below with the \
             right to it (CAP_NET_BIND_SERVICE)"
        ),
        _ => {
            let given = place.host.unwrap_or("not set");
            anyhow!("{host} is {given:?}: can't listen on {address}: {error}. Allowed: {A_HOST}")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn without_ipv6_it_listens_on_ipv4() {
        for missing in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
            let bind = |address: SocketAddr| if address.is_ipv6() { Err(missing.into()) } else { Ok(address) };
            assert_eq!(everywhere(8080, bind).unwrap(), SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)));
        }
    }

    #[test]
    fn of_a_name_with_both_families_ipv4_is_listened_on() {
        let addresses = ["[::1]:1", "127.0.0.1:1", "127.0.0.2:1"].map(|text| text.parse::<SocketAddr>().unwrap());
        assert_eq!(ipv4_first(addresses.into_iter()), [addresses[1], addresses[2], addresses[0]]);
    }

    #[test]
    fn a_port_that_is_taken_is_not_looked_for_on_ipv4() {
        let bind = |_| io::Result::<SocketAddr>::Err(Errno::ADDRINUSE.into());
        let (address, error) = everywhere(8080, bind).unwrap_err();
        assert!(address.is_ipv6() && error.kind() == ErrorKind::AddrInUse);
    }
}
