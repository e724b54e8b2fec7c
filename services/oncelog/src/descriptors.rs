//! File descriptors: as many as the system gives, and enough of them kept from HTTP clients that broker
//! and database can always be reached.

use api::HEALTH_CONNECTIONS;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::settings::{Consumer, Database};

/// Files, the runtime and the listeners, and what librdkafka holds: two for each client, and three for each
/// broker that a client knows (its socket and a pipe to wake it up). Enough for clusters of some six brokers.
pub(crate) const RESERVE: usize = 128;

/// An api that could not take a handful of clients is of no use.
pub(crate) const AT_LEAST: usize = 16;

/// An api's own, beside [`RESERVE`]: its pool, and one connection more that reads verdicts.
pub(crate) fn of_api(database: &Database) -> usize {
    database.database_pool_size as usize + 1
}

/// A consumer's own: its pool, its writers, and who asks for its health.
pub(crate) fn of_consumer(database: &Database, consumer: &Consumer) -> usize {
    database.database_pool_size as usize + usize::from(consumer.consumer_writers) + HEALTH_CONNECTIONS
}

/// What this process may have open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptors {
    limit: usize,
}

impl Descriptors {
    /// Raises the soft limit to the hard one.
    pub(crate) fn raise() -> Descriptors {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        {
            tracing::warn!(%error, "the limit of open files can't be raised to the hard one");
        }
        let limit = getrlimit(Resource::Nofile).current;
        Descriptors { limit: limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX) }
    }

    /// `MAX_CONNECTIONS`, or what is left of the limit beside `others`; says which.
    pub(crate) fn connections(self, wanted: usize, others: usize) -> anyhow::Result<usize> {
        let reserve = RESERVE + others;
        let connections = connections(self.limit, wanted, reserve)?;
        tracing::info!(
            open_files = self.limit,
            reserved = reserve,
            connections,
            "open files: {reserve} are kept for broker and database, {connections} HTTP connections may be open"
        );
        if connections < wanted {
            tracing::warn!(
                "MAX_CONNECTIONS is {wanted}, and the system's limit of open files (ulimit -Hn) allows {connections}: \
                 raise it to {} if as many clients are to come",
                wanted.saturating_add(reserve)
            );
        }
        Ok(connections)
    }
}

fn connections(limit: usize, wanted: usize, reserve: usize) -> anyhow::Result<usize> {
    anyhow::ensure!(
        limit >= reserve + AT_LEAST,
        "the system's limit of open files is {limit}, and {} are needed: raise it (ulimit -Hn)",
        reserve + AT_LEAST
    );
    Ok(wanted.min(limit - reserve))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_broker_and_database() {
        assert_eq!(connections(1024, 4096, 57).ok(), Some(967));
        assert_eq!(connections(20_000, 4096, 57).ok(), Some(4096));
        assert_eq!(connections(usize::MAX, 4096, 57).ok(), Some(4096));
    }

    #[test]
    fn a_limit_that_leaves_no_room_is_an_error_that_says_what_is_needed() {
        assert!(connections(64, 4096, 57).unwrap_err().to_string().contains("73"));
    }
}
