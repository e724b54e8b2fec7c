//! A broker and a database that may be broken, apart from those of the other tests.
//!
//! One is shared by all tests that break things, one test at a time: it takes seconds to start. It
//! lives as long as any of them runs or waits, and is mended before the next one.

use std::sync::{Arc, Weak};

use stack::{Options, Own, Part, Stack};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::{block_in_place, spawn_blocking};

use super::setup::Addresses;

static STACK: Mutex<Weak<Own>> = Mutex::const_new(Weak::new());
static TURN: Mutex<()> = Mutex::const_new(());

/// This test's turn with the breakable stack.
pub(crate) struct Faults {
    own: Arc<Own>,
    _turn: MutexGuard<'static, ()>,
}

impl Faults {
    /// Waits for the turn; starts the stack if it is not there.
    pub(crate) async fn take() -> Faults {
        let own = own().await;
        let turn = TURN.lock().await;
        Faults { own, _turn: turn }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        let addresses = self.own.addresses();
        Addresses { brokers: addresses.kafka_brokers, database_url: addresses.database_url }
    }

    pub(crate) fn stop_broker(&self) {
        block_in_place(|| self.own.kafka().stop());
    }

    pub(crate) fn kill_broker(&self) {
        block_in_place(|| self.own.kafka().kill());
    }

    pub(crate) fn pause_broker(&self) {
        self.own.kafka().pause();
    }

    pub(crate) fn resume_broker(&self) {
        self.own.kafka().resume();
    }

    pub(crate) fn start_broker(&self) {
        start(self.own.kafka());
    }

    pub(crate) fn stop_database(&self) {
        block_in_place(|| self.own.postgres().stop());
    }

    pub(crate) fn kill_database(&self) {
        block_in_place(|| self.own.postgres().kill());
    }

    pub(crate) fn start_database(&self) {
        start(self.own.postgres());
    }
}

fn start(part: &Part) {
    block_in_place(|| part.start()).unwrap_or_else(|error| panic!("{error}"));
}

async fn own() -> Arc<Own> {
    let mut known = STACK.lock().await;
    if let Some(own) = known.upgrade() {
        return own;
    }
    let kind = Stack::from_env().unwrap_or_else(|error| panic!("{error}")).kind;
    let started = spawn_blocking(move || Own::start(kind, &Options::default()));
    let own = Arc::new(started.await.unwrap().unwrap());
    *known = Arc::downgrade(&own);
    own
}

impl Drop for Faults {
    fn drop(&mut self) {
        for part in [self.own.kafka(), self.own.postgres()] {
            part.resume();
            if let Err(error) = block_in_place(|| part.start()) {
                eprintln!("can't be mended: {error}");
            }
        }
    }
}
