//! The broker or the database, as something that can be broken and mended.

#[cfg(feature = "testcontainers")]
pub(crate) mod container;
pub(crate) mod process;

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::probe::Probe;
use crate::wait::until_ready;
use crate::{Error, Result};

/// How long a part may take until it answers. A busy machine of two cores needs 10 s.
const START: Duration = Duration::from_secs(90);
/// How long somebody else may hold a part's port.
const PORT_FREE: Duration = Duration::from_secs(30);
/// Between two attempts to get the port.
const AGAIN: Duration = Duration::from_millis(100);
/// How long a part may take for an orderly end.
const GRACE: Duration = Duration::from_secs(30);
/// How many lines of a log an error shows.
const TAIL: usize = 20;

/// What a part runs in: a process or a container. Harmless in any state.
pub(crate) trait Control: fmt::Debug + Send + Sync {
    /// Starts it unless it runs; does not wait.
    fn spawn(&self) -> Result<()>;
    /// An orderly end within `grace`, or else a kill.
    fn stop(&self, grace: Duration);
    /// An end within moments that leaves no resources of the system behind.
    fn discard(&self);
    fn kill(&self);
    fn pause(&self);
    fn resume(&self);
    /// How it ended, if it did.
    fn ended(&self) -> Option<String>;
    /// The pid on this machine while it runs.
    fn pid(&self) -> Option<u32>;
    fn name(&self) -> String;
    /// Where the whole log is, in words.
    fn log(&self) -> String;
    fn log_tail(&self, lines: usize) -> String;
}

/// The broker or the database. Every method may be called from any thread, in any state.
///
/// Ports and data outlive [`Part::stop`] and [`Part::kill`]: [`Part::start`] brings back the same
/// one.
#[derive(Debug)]
pub struct Part {
    control: Box<dyn Control>,
    probe: Probe,
}

impl Part {
    pub(crate) fn new(control: impl Control + 'static, probe: Probe) -> Self {
        Self { control: Box::new(control), probe }
    }

    /// Starts it, and waits until it answers in its own protocol. Harmless if it runs.
    ///
    /// While it was down, somebody else may have taken its port: that is waited for, up to 30 s.
    pub fn start(&self) -> Result<()> {
        let deadline = Instant::now() + PORT_FREE;
        loop {
            match self.spawn().and_then(|()| self.wait_ready()) {
                Err(error) if error.says_port_is_held() && Instant::now() < deadline => thread::sleep(AGAIN),
                done => return done,
            }
        }
    }

    /// Starts it without waiting. Harmless if it runs.
    pub fn spawn(&self) -> Result<()> {
        self.control.spawn()
    }

    /// Waits until the part answers in its own protocol.
    pub fn wait_ready(&self) -> Result<()> {
        let (name, log) = (self.control.name(), self.control.log());
        let tail = || self.control.log_tail(TAIL);
        let ready = until_ready(START, || {
            if self.probe.answers() {
                return Some(Ok(()));
            }
            self.control.ended().map(Err)
        });
        match ready {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => Err(Error::Ended { name, status, log, tail: tail() }),
            None => Err(Error::NotReady { name, waited: START, log, tail: tail() }),
        }
    }

    /// Ends it in order; kills it if that takes more than 30 s. A paused one is resumed.
    pub fn stop(&self) {
        self.control.stop(GRACE);
    }

    /// SIGKILL to it and everything below it: a crash. Returns when it is gone.
    pub fn kill(&self) {
        self.control.kill();
    }

    /// Stops all of it in its tracks: connections stay open, nothing is answered, until
    /// [`Part::resume`].
    pub fn pause(&self) {
        self.control.pause();
    }

    /// Goes on after [`Part::pause`].
    pub fn resume(&self) {
        self.control.resume();
    }

    /// Whether it is there (a paused one is).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.control.pid()
    }

    /// Resident memory of the main process in bytes, while it runs.
    #[must_use]
    pub fn rss(&self) -> Option<u64> {
        self.pid().and_then(crate::processes::resident)
    }

    /// The last `lines` of its log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        self.control.log_tail(lines)
    }

    /// For the end of the whole stack.
    pub(crate) fn discard(&self) {
        self.control.discard();
    }
}
