//! What `/proc` knows: descendants, memory, state and age of a process.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::{Error, Result};

/// One process as `/proc/<pid>/stat` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) state: char,
    pub(crate) parent: u32,
    /// Clock ticks between boot and the start of the process. With the pid, it names a process.
    pub(crate) started: u64,
}

/// Reads a process's stat line, if it is there.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The program's name may hold spaces and parentheses, so the fields are counted from its end.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

/// Resident memory of a process in bytes, where the kernel tells (`proc(5)`, `VmRSS`).
#[must_use]
pub fn resident(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most that [`resident`] has been since the start, or since [`forget_peak`] (`VmHWM`).
#[must_use]
pub fn peak(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmHWM:")
}

/// [`peak`] counts from now on (`proc(5)`, `clear_refs`).
pub fn forget_peak(pid: u32) -> Result<()> {
    let forgotten = fs::write(format!("/proc/{pid}/clear_refs"), "5");
    forgotten.map_err(Error::io(format!("forget the peak of process {pid}")))
}

fn status_bytes(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// How long the process with this start tick has been running.
pub(crate) fn age(started: u64) -> Option<Duration> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let begun = started as f64 / ticks as f64;
    Duration::try_from_secs_f64((seconds - begun).max(0.0)).ok()
}

/// `pid` and everything below it, parents first.
///
/// PostgreSQL's backends are sessions of their own, so a process group does not cover them.
pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|child| Some((child, stat(child)?.parent)))
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(c, _)| *c));
        next += 1;
    }
    found
}

/// One process for good: a pid alone may come to name another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    pub(crate) started: u64,
}

impl Member {
    /// Whether it has not ended. One that waits for its parent to notice has ended.
    pub(crate) fn is_there(&self) -> bool {
        stat(self.pid).is_some_and(|now| now.started == self.started && !matches!(now.state, 'Z' | 'X'))
    }

    /// Sends it `signal`. That it has gone is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        signal_one(self.pid, signal);
    }
}

/// `pid` and everything below it, as it is now.
pub(crate) fn members(pid: u32) -> Vec<Member> {
    let member = |pid| Some(Member { pid, started: stat(pid)?.started });
    tree(pid).into_iter().filter_map(member).collect()
}

/// Sends `signal` to `pid` and everything below it. Who has gone meanwhile is no error.
pub fn signal_tree(pid: u32, signal: Signal) {
    for member in tree(pid) {
        signal_one(member, signal);
    }
}

/// Sends `signal` to one process. That it has gone is no error.
pub(crate) fn signal_one(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 2";
        let expected = Stat { state: 'S', parent: 7, started: 9876 };
        assert_eq!(parse_stat(line).unwrap(), expected);
    }

    #[test]
    fn a_peak_stays_until_it_is_forgotten() {
        const LARGE: usize = 64 << 20;
        let pid = std::process::id();
        drop(std::hint::black_box(vec![1_u8; LARGE]));
        let before = peak(pid).unwrap();
        assert!(before >= LARGE as u64);

        forget_peak(pid).unwrap();

        assert!(peak(pid).unwrap() < before);
    }

    #[test]
    fn this_process_is_in_its_own_tree_and_has_memory() {
        let me = std::process::id();
        assert!(tree(me).contains(&me));
        assert!(resident(me).unwrap() > 0);
        assert!(age(stat(me).unwrap().started).is_some());
    }
}
