//! The broker or the database, as something that can be broken and mended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use crate::probe::Probe;
use crate::service::{Service, ServiceBuilder, tail_of};
use crate::wait::until;
use crate::{Error, Result};

/// How long a part may take until it answers. A busy machine of two cores needs 10 s.
const START: Duration = Duration::from_secs(90);
/// How long a part may take for an orderly end.
const GRACE: Duration = Duration::from_secs(30);
/// How long the database may take to leave everything as it is.
const SOON: Duration = Duration::from_secs(3);

/// The broker or the database. Every method may be called from any thread, in any state.
///
/// Ports and data outlive [`Part::stop`] and [`Part::kill`]: [`Part::start`] brings back the same
/// one.
#[derive(Debug)]
pub struct Part {
    builder: ServiceBuilder,
    probe: Probe,
    /// What ends it in order, and soon: SIGTERM makes PostgreSQL wait for its clients to leave.
    farewell: Signal,
    running: Mutex<Option<Service>>,
}

impl Part {
    pub(crate) fn new(builder: ServiceBuilder, probe: Probe, farewell: Signal) -> Self {
        Self {
            builder,
            probe,
            farewell,
            running: Mutex::new(None),
        }
    }

    /// Starts the process, and waits until it answers in its own protocol. Harmless if it runs.
    pub fn start(&self) -> Result<()> {
        self.spawn()?;
        self.wait_ready()
    }

    /// Starts the process without waiting.
    pub(crate) fn spawn(&self) -> Result<()> {
        let mut running = self.running();
        if !running.as_ref().is_some_and(Service::is_running) {
            *running = Some(self.builder.spawn()?);
        }
        Ok(())
    }

    /// Waits until the part answers in its own protocol.
    pub fn wait_ready(&self) -> Result<()> {
        let name = || self.builder.name().to_owned();
        let log = || self.builder.log().to_owned();
        let tail = || tail_of(self.builder.log(), 20);
        until(START, || match self.ended() {
            Some(status) => Some(Err(Error::Ended {
                name: name(),
                status,
                log: log(),
                tail: tail(),
            })),
            None => self.probe.answers().then_some(Ok(())),
        })
        .unwrap_or_else(|| {
            Err(Error::NotReady {
                name: name(),
                waited: START,
                log: log(),
                tail: tail(),
            })
        })
    }

    /// Ends the process in order; kills it if that takes more than 30 s. A paused one is resumed.
    pub fn stop(&self) {
        if let Some(service) = self.running().take() {
            service.resume();
            service.stop_by(self.farewell, GRACE);
        }
    }

    /// An orderly end within moments, or else a kill: for parts whose data go with them.
    pub(crate) fn stop_soon(&self) {
        if let Some(service) = self.running().take() {
            service.resume();
            service.stop_by(Signal::QUIT, SOON);
        }
    }

    /// SIGKILL to the process and everything below it: a crash. Returns when it is gone.
    pub fn kill(&self) {
        if let Some(service) = self.running().take() {
            service.kill();
        }
    }

    /// SIGSTOP: connections stay open, nothing is answered, until [`Part::resume`].
    pub fn pause(&self) {
        if let Some(service) = &*self.running() {
            service.pause();
        }
    }

    /// SIGCONT after [`Part::pause`].
    pub fn resume(&self) {
        if let Some(service) = &*self.running() {
            service.resume();
        }
    }

    /// Whether the process is there (a paused one is).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running().as_ref().is_some_and(Service::is_running)
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running()
            .as_ref()
            .filter(|s| s.is_running())
            .map(Service::pid)
    }

    /// Resident memory of the main process in bytes, while it runs.
    #[must_use]
    pub fn rss(&self) -> Option<u64> {
        self.running().as_ref().and_then(Service::rss)
    }

    /// The last `lines` of its log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        tail_of(self.builder.log(), lines)
    }

    fn ended(&self) -> Option<std::process::ExitStatus> {
        self.running().as_ref().and_then(Service::exit_status)
    }

    fn running(&self) -> MutexGuard<'_, Option<Service>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
