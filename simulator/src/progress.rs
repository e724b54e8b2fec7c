//! What is happening now, for a person: a bar on a terminal, a line now and then
//! elsewhere. Always on standard error, so that standard output stays the report.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Without a terminal, one line in this time at most.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows progress.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    total: AtomicU64,
    done: AtomicU64,
    retries: AtomicU64,
    begun: Mutex<Instant>,
    last_line: Mutex<Option<Instant>>,
}

impl Progress {
    /// On standard error; `quiet` shows nothing at all.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let on_terminal = std::io::stderr().is_terminal() && !quiet;
        Self {
            bar: on_terminal.then(ProgressBar::new_spinner),
            quiet,
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            begun: Mutex::new(Instant::now()),
            last_line: Mutex::new(None),
        }
    }

    /// Begins something of `total` parts, for instance "publishing", "events".
    pub fn begin(&self, what: &'static str, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        *lock(&self.begun) = Instant::now();
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.reset();
            bar.set_style(style());
            bar.set_prefix(what);
            bar.set_message("");
        } else {
            self.line(&format!("{what}: {total} in all"), true);
        }
    }

    /// So many more parts are done.
    pub fn advance(&self, parts: u64) {
        let done = self.done.fetch_add(parts, Ordering::Relaxed) + parts;
        if let Some(bar) = &self.bar {
            bar.inc(parts);
            return;
        }
        let total = self.total.load(Ordering::Relaxed);
        let rate = done as f64 / lock(&self.begun).elapsed().as_secs_f64().max(0.001);
        let retries = self.retries.load(Ordering::Relaxed);
        self.line(&format!("{done} of {total}, {rate:.0}/s, {retries} retries"), done == total);
    }

    /// A request has to be sent again.
    pub fn retry(&self, reason: &str) {
        let retries = self.retries.fetch_add(1, Ordering::Relaxed) + 1;
        let message = format!("{retries} retries, the last after: {}", reason.chars().take(60).collect::<String>());
        match &self.bar {
            Some(bar) => bar.set_message(message),
            None => self.line(&message, false),
        }
    }

    /// What is being waited for.
    pub fn say(&self, message: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_style(ProgressStyle::default_spinner());
                bar.set_message(message.to_owned());
                bar.tick();
            }
            None => self.line(message, false),
        }
    }

    /// Removes the bar.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str, now: bool) {
        let mut last = lock(&self.last_line);
        if !self.quiet && (now || last.is_none_or(|last| last.elapsed() >= LINE_EVERY)) {
            *last = Some(Instant::now());
            eprintln!("oncelog-sim: {text}");
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} [{bar:32}] {human_pos} of {human_len}, {per_sec}, {eta} left  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// A display is worth nothing more after a panic elsewhere, and nothing less.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
