//! A part that is a process of this one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::Control;
use crate::Result;
use crate::service::{Service, ServiceBuilder};
use crate::tail::tail_of;

/// How long the database may take to leave everything as it is.
const SOON: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct Process {
    builder: ServiceBuilder,
    /// What ends it in order: SIGTERM makes PostgreSQL wait for its clients to leave.
    farewell: Signal,
    running: Mutex<Option<Service>>,
}

impl Process {
    pub(crate) fn new(builder: ServiceBuilder, farewell: Signal) -> Self {
        Self { builder, farewell, running: Mutex::new(None) }
    }

    fn running(&self) -> MutexGuard<'_, Option<Service>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, signal: Signal, grace: Duration) {
        if let Some(service) = self.running().take() {
            service.resume();
            service.stop_by(signal, grace);
        }
    }
}

impl Control for Process {
    fn spawn(&self) -> Result<()> {
        let mut running = self.running();
        if !running.as_ref().is_some_and(Service::is_running) {
            *running = Some(self.builder.spawn()?);
        }
        Ok(())
    }

    fn stop(&self, grace: Duration) {
        self.end(self.farewell, grace);
    }

    fn discard(&self) {
        // To PostgreSQL: end at once, but give the shared memory back.
        self.end(Signal::QUIT, SOON);
    }

    fn kill(&self) {
        if let Some(service) = self.running().take() {
            service.kill();
        }
    }

    fn pause(&self) {
        if let Some(service) = &*self.running() {
            service.pause();
        }
    }

    fn resume(&self) {
        if let Some(service) = &*self.running() {
            service.resume();
        }
    }

    fn ended(&self) -> Option<String> {
        self.running().as_ref()?.exit_status().map(|status| status.to_string())
    }

    fn pid(&self) -> Option<u32> {
        self.running().as_ref().filter(|service| service.is_running()).map(Service::pid)
    }

    fn name(&self) -> String {
        self.builder.name().to_owned()
    }

    fn log(&self) -> String {
        self.builder.log().display().to_string()
    }

    fn log_tail(&self, lines: usize) -> String {
        tail_of(self.builder.log(), lines)
    }
}
