//! Free loopback ports.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Error, Result};

/// Below the range from which Linux takes the source ports of outgoing connections: a port from
/// that range could be taken by a client while its server is down, or a client that reconnects
/// could even meet itself.
const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;

static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A loopback port on which nobody listens; never the same twice in one process.
///
/// It is not reserved: another process may take it before it is used.
pub fn free_port() -> Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    let begin = scatter();
    (0..COUNT)
        .map(|step| FIRST + (begin + step) % COUNT)
        .find(|port| !given.contains(port) && is_free(*port))
        .inspect(|port| {
            given.insert(*port);
        })
        .ok_or_else(|| {
            let source = std::io::ErrorKind::AddrInUse.into();
            Error::io("find a free loopback port")(source)
        })
}

/// Whether `port` can be listened on right now.
#[must_use]
pub fn is_free(port: u16) -> bool {
    // A bind alone succeeds beside a listener on the wildcard address of the other family.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && !is_answering(port)
}

/// Whether somebody accepts connections on loopback `port`.
#[must_use]
pub fn is_answering(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

/// Processes that ask at the same time should not try the same ports.
fn scatter() -> u16 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let mixed = (u64::from(nanos) ^ (u64::from(std::process::id()) << 20)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // The remainder is below COUNT, which is a u16.
    ((mixed >> 32) % u64::from(COUNT)) as u16
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ports_are_free_different_and_outside_the_ephemeral_range() {
        let ports: HashSet<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|p| (FIRST..FIRST + COUNT).contains(p)));
    }

    #[test]
    fn a_port_with_a_listener_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
