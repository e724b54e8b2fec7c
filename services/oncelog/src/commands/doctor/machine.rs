//! This machine: descriptors and disks.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::report::Check;
use crate::descriptors::{self, AT_LEAST, RESERVE};
use crate::settings::{Api, Consumer, Database};

const GIB: u64 = 1 << 30;
/// Less than this is a warning; so is less than a tenth, but for disks that large that a tenth is plenty.
const LEAST_FREE: u64 = 2 * GIB;
const PLENTY: u64 = 20 * GIB;

/// Whether a host's name leads to this machine.
pub(super) fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.starts_with('/') || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn descriptors(database: &Database, api: &Api, consumer: &Consumer) -> Check {
    let of_api = RESERVE + descriptors::of_api(database);
    let own = Own { api: of_api as u64, serve: (of_api + descriptors::of_consumer(database, consumer)) as u64 };
    // A process raises its soft limit to the hard one.
    judge_descriptors(getrlimit(Resource::Nofile).maximum, api.max_connections as u64, own)
}

/// What a process keeps for itself.
#[derive(Clone, Copy, Debug)]
struct Own {
    api: u64,
    /// An api and a consumer in one.
    serve: u64,
}

/// `None` is no limit. `clients`: their connections.
fn judge_descriptors(limit: Option<u64>, clients: u64, own: Own) -> Check {
    const NAME: &str = "descriptors";
    let at_least = AT_LEAST as u64;
    let limit = limit.unwrap_or(u64::MAX);
    let Own { api, serve: own } = own;
    let needed = clients.saturating_add(own);
    let shown = if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() };
    let detail = format!("ulimit -Hn is {shown}; MAX_CONNECTIONS={clients} and {own} of our own are {needed}");
    let fix = format!("ulimit -Hn {needed} before the start (systemd: LimitNOFILE={needed}), or lower MAX_CONNECTIONS");
    if limit >= needed {
        Check::ok(NAME, detail)
    } else if limit < api + at_least {
        Check::fail(NAME, format!("{detail}: an api does not start with so few"), fix)
    } else if limit < own + at_least {
        let clients = limit - api;
        Check::warn(
            NAME,
            format!("{detail}: serve does not start with so few, and an api takes {clients} clients"),
            fix,
        )
    } else {
        Check::warn(NAME, format!("{detail}: {} connections of clients are open at most", limit - own), fix)
    }
}

/// Free space where this machine keeps data of broker or database: where the database says, and where
/// `make up` puts them.
pub(super) fn disks(database: Option<PathBuf>, local: bool) -> Vec<Check> {
    const NAME: &str = "disk";
    let stack = Some(PathBuf::from(".stack/data")).filter(|path| local && path.exists());
    let mut paths: Vec<PathBuf> = [stack, database].into_iter().flatten().collect();
    paths.dedup();
    let found: Vec<Check> = paths.iter().filter_map(|path| disk(path)).collect();
    if found.is_empty() {
        return vec![Check::skipped(NAME, "no data of broker or database that are seen from here")];
    }
    found
}

/// None where it can't be seen from here: in a container, or not for this user.
fn disk(path: &Path) -> Option<Check> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(judge_disk(path, found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}

fn judge_disk(path: &Path, free: u64, whole: u64) -> Check {
    const NAME: &str = "disk";
    let percent = (u128::from(free) * 100).checked_div(u128::from(whole)).unwrap_or(0);
    let gib = free as f64 / GIB as f64;
    let detail = format!("{}: {gib:.1} GiB are free ({percent} %)", path.display());
    if free < LEAST_FREE || (percent < 10 && free < PLENTY) {
        return Check::warn(NAME, detail, "make room, or shorten KAFKA_RETENTION; a full disk pauses storing");
    }
    Check::ok(NAME, detail)
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    const OWN: Own = Own { api: 137, serve: 213 };

    #[test]
    fn what_is_enough_for_an_api_and_not_for_serve_is_a_warning() {
        let check = judge_descriptors(Some(200), 4096, OWN);
        assert_eq!(check.status, Status::Warn);
        assert!(check.detail.contains("serve does not start") && check.detail.contains("takes 63"), "{check:?}");
    }

    #[test]
    fn descriptors_are_held_against_connections_and_our_own() {
        for (limit, status) in
            [(Some(8192), Status::Ok), (None, Status::Ok), (Some(1024), Status::Warn), (Some(152), Status::Fail)]
        {
            let check = judge_descriptors(limit, 4096, OWN);
            assert_eq!((check.status, check.fix.is_some()), (status, status != Status::Ok), "{check:?}");
        }
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_a_warning() {
        let at = Path::new("/data");
        assert_eq!(judge_disk(at, 50 * GIB, 100 * GIB).status, Status::Ok);
        assert_eq!(judge_disk(at, 9 * GIB, 100 * GIB).status, Status::Warn);
        assert_eq!(judge_disk(at, 90 * GIB, 1000 * GIB).status, Status::Ok);
        assert_eq!(judge_disk(at, GIB, 4 * GIB).status, Status::Warn);
        assert_eq!(judge_disk(at, 0, 0).status, Status::Warn);
    }

    #[test]
    fn a_host_is_here_by_name_address_or_socket() {
        assert!(["localhost", "127.0.0.1", "::1", "[::1]", "/run/postgresql"].into_iter().all(is_local));
        assert!(!["db", "10.0.0.1", "localhost.example.org"].into_iter().any(is_local));
    }
}
