//! One thread that starts every child.
//!
//! Linux sends a child's parent-death signal when the *thread* that started it ends, not when the
//! process does. A test's thread or a runtime's worker ends long before the test binary, and would
//! take the broker with it. So children are started by a thread that lives as long as the process.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;

struct Job {
    command: Command,
    answer: SyncSender<io::Result<Child>>,
}

static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();

/// Starts `command` from the long-lived thread.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let gone = || io::Error::other("the thread that starts processes has ended");
    let (answer, answered) = sync_channel(1);
    SPAWNER.get_or_init(begin).send(Job { command, answer }).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn begin() -> Sender<Job> {
    let (jobs, queue) = channel::<Job>();
    thread::spawn(move || {
        for mut job in queue {
            // The caller may have given up; then dropping the child is all there is to do.
            let _ = job.answer.send(job.command.spawn());
        }
    });
    jobs
}
