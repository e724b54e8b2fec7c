//! A panic is a bug. It may cost what it has happened in: one request, one connection. Everywhere else it
//! ends the process: without one of its threads or tasks it would look alive, and do half of its work.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{PanicHookInfo, set_hook};
use std::thread;

use crate::logging;

/// Rust's own for a panic of the first thread; so it is nothing that a command means.
const EXIT_CODE: i32 = 101;

/// From now on a panic is one line of the log, and ends the process where it has to.
pub(crate) fn heed() {
    set_hook(Box::new(|panic| {
        let contained = api::contains_panics();
        // Empty unless RUST_BACKTRACE asks for it.
        let backtrace = Backtrace::capture();
        let shown = backtrace.status() == BacktraceStatus::Captured;
        logging::say(&line(panic, contained), shown.then_some(&backtrace));
        if !contained {
            // Not by unwinding, which ends one thread. What it leaves undone is what a kill leaves undone.
            std::process::exit(EXIT_CODE);
        }
    }));
}

fn line(panic: &PanicHookInfo<'_>, contained: bool) -> String {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let place = panic.location().map_or_else(|| "a place unknown".to_owned(), ToString::to_string);
    let said = panic.payload_as_str().unwrap_or("no words");
    let follows = if contained {
        "the request is answered with 500, or its connection is closed"
    } else {
        "the process ends here; start it again: nothing acknowledged is lost"
    };
    format!(
        "thread '{thread}' panicked at {place}: {said}; {follows}. This is a bug of oncelog: please report this line"
    )
}
