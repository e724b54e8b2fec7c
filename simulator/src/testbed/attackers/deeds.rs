//! What an attacker has to know, and what is noted of all of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;

use crate::sample::lock;

/// One attacker; goes on until it is dropped.
pub(super) type Attacker = BoxFuture<'static, ()>;

/// Whom they attack.
#[derive(Clone, Debug)]
pub(in crate::testbed) struct Victims {
    pub(in crate::testbed) api: SocketAddr,
    /// The first consumer's port.
    pub(in crate::testbed) consumer: SocketAddr,
    /// A part of their event topics' names.
    pub(in crate::testbed) run: String,
}

/// What they have done.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    begun: AtomicU64,
    done: AtomicU64,
    server_errors: Mutex<BTreeMap<String, u64>>,
}

impl Deeds {
    /// An attacker's first deed, or another one.
    pub(super) fn done(&self, first: &mut bool) {
        self.done.fetch_add(1, Ordering::Relaxed);
        if std::mem::take(first) {
            self.begun.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many attackers have done something.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn server_error(&self, what: String) {
        *lock(&self.server_errors).entry(what).or_default() += 1;
    }

    /// How much was done, and how it was answered where the server was at fault.
    pub(super) fn count(&self) -> (u64, BTreeMap<String, u64>) {
        (self.done.load(Ordering::Relaxed), std::mem::take(&mut lock(&self.server_errors)))
    }
}
