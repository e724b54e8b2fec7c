//! One daemon: started, recognised, ended.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::files::{Files, write_private};
use super::settings::Port;
use crate::port::{is_answering, is_free};
use crate::probe::Probe;
use crate::processes::{self, Member, signal_one, signal_tree};
use crate::service::ServiceBuilder;
use crate::tail::tail_of;
use crate::wait::{until, until_ready};
use crate::{Error, Result};

const START: Duration = Duration::from_mins(2);
const GRACE: Duration = Duration::from_secs(30);
const CLOSING: Duration = Duration::from_secs(5);

/// How a daemon is wanted.
pub(super) struct Plan {
    pub(super) service: ServiceBuilder,
    pub(super) port: u16,
    pub(super) probe: Probe,
    /// The signal that ends it in order.
    pub(super) farewell: Signal,
}

/// What was started, to recognise it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    pid: u32,
    /// With the pid it names one process: pids are given again.
    started: u64,
    /// And with this, one process over all starts of the machine.
    boot: String,
    port: u16,
    farewell: i32,
    /// Of program, arguments, environment: a daemon that was started otherwise is started anew.
    fingerprint: u64,
}

/// What is known about a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its pid, while it runs.
    pub pid: Option<u32>,
    /// Whether it was started and never stopped: without a pid, it has died.
    pub expected: bool,
    /// The port it was started with.
    pub port: Option<u16>,
    /// Resident memory in bytes.
    pub memory: Option<u64>,
    /// Time since its start.
    pub age: Option<Duration>,
}

pub(super) struct Daemon<'a> {
    files: &'a Files,
    name: String,
}

/// A daemon that was just started or runs already; not necessarily ready.
pub(super) struct Started {
    name: String,
    log: PathBuf,
    probe: Probe,
    /// None if it ran already.
    child: Option<Child>,
}

impl<'a> Daemon<'a> {
    pub(super) fn new(files: &'a Files, name: &str) -> Self {
        Self { files, name: name.to_owned() }
    }

    /// Refuses a port on which somebody else listens.
    pub(super) fn check_ports(&self, ports: &[Port]) -> Result<()> {
        if self.running().is_some() {
            return Ok(());
        }
        if self.record().is_some() {
            // It has just died: the system may still be closing its sockets.
            until(CLOSING, || ports.iter().all(|port| is_free(port.number)).then_some(()));
        }
        match ports.iter().find(|port| !is_free(port.number)) {
            None => Ok(()),
            Some(port) => Err(Error::PortTaken { name: self.name.clone(), port: port.number, setting: port.setting }),
        }
    }

    /// Starts it unless it runs as planned; one that was started otherwise is ended first.
    pub(super) fn ensure(&self, plan: Plan) -> Result<Started> {
        let fingerprint = fingerprint(&plan);
        let log = plan.service.log().to_owned();
        let child = match self.running() {
            Some(record) if record.fingerprint == fingerprint && !is_outdated(record.pid) => None,
            other => {
                if other.is_some() {
                    crate::say!("restarting {}: its program or its settings have changed", self.name);
                    self.stop();
                }
                Some(self.launch(&plan, fingerprint)?)
            }
        };
        Ok(Started { name: self.name.clone(), log, probe: plan.probe, child })
    }

    fn launch(&self, plan: &Plan, fingerprint: u64) -> Result<Child> {
        crate::say!("starting {} on port {}", self.name, plan.port);
        self.files.rotate(&self.name);
        let child = plan.service.spawn_daemon()?;
        let record = Record {
            pid: child.id(),
            started: processes::stat(child.id()).map_or(0, |stat| stat.started),
            boot: boot(),
            port: plan.port,
            farewell: plan.farewell.as_raw(),
            fingerprint,
        };
        self.write(&record)?;
        Ok(child)
    }

    /// Ends it in order, or after a while by force. False if it did not run.
    pub(super) fn stop(&self) -> bool {
        let running = self.running();
        if let Some(record) = &running {
            let farewell = Signal::from_named_raw(record.farewell).unwrap_or(Signal::TERM);
            signal_one(record.pid, Signal::CONT);
            signal_one(record.pid, farewell);
            if until(GRACE, || self.has_ended()).is_none() {
                signal_tree(record.pid, Signal::KILL);
                until(GRACE, || self.has_ended());
            }
            until(CLOSING, || (is_gone(record) && !is_answering(record.port)).then_some(()));
        }
        for file in [self.files.pid(&self.name), self.files.state(&self.name)] {
            // Not there is as good.
            let _ = fs::remove_file(file);
        }
        running.is_some()
    }

    pub(super) fn status(&self) -> Status {
        let record = self.record();
        let running = self.running();
        let pid = running.as_ref().map(|r| r.pid);
        Status {
            name: self.name.clone(),
            pid,
            expected: record.is_some(),
            port: record.map(|r| r.port),
            memory: pid.and_then(processes::resident),
            age: running.and_then(|r| processes::age(r.started)),
        }
    }

    fn has_ended(&self) -> Option<()> {
        self.running().is_none().then_some(())
    }

    /// What was started, if that very process still runs.
    fn running(&self) -> Option<Record> {
        let record = self.record()?;
        let process = Member { pid: record.pid, started: record.started };
        (process.is_there() && record.boot == boot()).then_some(record)
    }

    fn record(&self) -> Option<Record> {
        serde_json::from_str(&fs::read_to_string(self.files.state(&self.name)).ok()?).ok()
    }

    fn write(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_string(record).map_err(|e| Error::io("write JSON")(e.into()))?;
        write_private(&self.files.state(&self.name), &text)?;
        write_private(&self.files.pid(&self.name), &format!("{}\n", record.pid))
    }
}

impl Started {
    pub(super) fn wait_ready(mut self) -> Result<()> {
        let ready = until_ready(START, || match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => Some(Err(Error::Ended {
                name: self.name.clone(),
                status: status.to_string(),
                log: self.log.display().to_string(),
                tail: tail_of(&self.log, 20),
            })),
            _ => self.probe.answers().then_some(Ok(())),
        });
        ready.unwrap_or_else(|| {
            let tail = tail_of(&self.log, 20);
            Err(Error::NotReady { name: self.name.clone(), waited: START, log: self.log.display().to_string(), tail })
        })
    }
}

/// Whether not even the exit status is left, which the first process of the machine takes away.
fn is_gone(record: &Record) -> bool {
    processes::stat(record.pid).is_none_or(|stat| stat.started != record.started)
}

fn fingerprint(plan: &Plan) -> u64 {
    let mut hasher = DefaultHasher::new();
    plan.port.hash(&mut hasher);
    plan.service.identity().hash(&mut hasher);
    hasher.finish()
}

/// Whether the program was replaced by a newer build.
fn is_outdated(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.to_string_lossy().ends_with(" (deleted)"))
}

/// Names the time between two starts of the machine.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}
