//! Clients that mean harm: what each kind does, again and again, until it has had its time or is called off.
//!
//! - [`deeds`]: what an attacker has to know, and what is noted of it.
//! - [`sockets`]: what is done with connections, byte by byte.
//! - [`requests`]: what is done with whole requests.

mod deeds;
mod requests;
mod sockets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::TestbedError;
use super::deadline::eventually;
use crate::plan::Attack;
use deeds::Deeds;

pub(super) use deeds::Victims;

/// Longer than an attack takes that nobody can do anything against.
const LASTING: Duration = Duration::from_secs(8);
const BEGUN_WITHIN: Duration = Duration::from_secs(30);
/// All of one attack. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Attackers {
    pub(super) attack: Attack,
    end: AbortHandle,
    deeds: Arc<Deeds>,
}

impl Attackers {
    /// Begins an attack; returns when each of them has done its worst once.
    pub(super) async fn begin(attack: Attack, victims: &Victims) -> Result<Self, TestbedError> {
        take_all_open_files()?;
        let deeds = Arc::new(Deeds::default());
        let crowd = match attack {
            Attack::UnfinishedHeaders => sockets::unfinished_headers(victims, &deeds),
            Attack::EndlessBodies => sockets::endless_bodies(victims, &deeds),
            Attack::StalledReaders => sockets::stalled_readers(victims, &deeds),
            Attack::IdleConnections => sockets::idle_connections(victims, &deeds),
            Attack::ForgedCursors => requests::forged_cursors(victims, &deeds)?,
            Attack::LongNames => requests::long_names(victims, &deeds)?,
            Attack::ManyTopics => requests::many_topics(victims, &deeds)?,
        };
        let count = crowd.len() as u64;
        let mut tasks: JoinSet<()> = crowd.into_iter().collect();
        eventually("the attackers have begun", BEGUN_WITHIN, async || Ok((deeds.begun() >= count).then_some(())))
            .await?;
        let end = tokio::spawn(async move {
            sleep(LASTING).await;
            tasks.abort_all();
        });
        Ok(Self { attack, end: end.abort_handle(), deeds })
    }

    /// How much they have done, and how they were answered where the server was at fault.
    pub(super) fn call_off(self) -> (u64, BTreeMap<String, u64>) {
        self.deeds.count()
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        self.end.abort();
    }
}

/// There are more of them than a process may have connections by default.
fn take_all_open_files() -> Result<(), TestbedError> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).map_err(std::io::Error::from)?)
}
