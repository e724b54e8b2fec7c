//! What is happening now, for a person: a live block on a terminal, a line now and
//! then elsewhere. Always on standard error, so that standard output stays the report.

mod block;

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::HumanDuration;

use crate::sample::{Mark, Sample, lock};
use block::Block;

/// Without a terminal, one line in this time at most, faults aside.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Rates are of what was stored within this time.
const RATE_OVER: Duration = Duration::from_secs(2);

/// Shows progress.
#[derive(Debug)]
pub struct Progress {
    block: Option<Block>,
    quiet: bool,
    total: AtomicU64,
    done: AtomicU64,
    retries: AtomicU64,
    begun: Mutex<Instant>,
    last_line: Mutex<Option<Instant>>,
    seen: Mutex<String>,
}

impl Progress {
    /// On standard error; `quiet` shows nothing at all.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let on_terminal = std::io::stderr().is_terminal() && !quiet;
        Self {
            block: on_terminal.then(Block::new),
            quiet,
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            begun: Mutex::new(Instant::now()),
            last_line: Mutex::new(None),
            seen: Mutex::default(),
        }
    }

    /// A run of several begins: `done` of `total` have ended since `begun`.
    pub fn run(&self, name: &str, (done, total): (usize, usize), begun: Instant) {
        self.retries.store(0, Ordering::Relaxed);
        lock(&self.seen).clear();
        if total < 2 {
            return;
        }
        let left = (done > 0).then(|| begun.elapsed() * (total - done) as u32 / done as u32);
        let left = left.map_or_else(String::new, |left| format!(", about {} left", HumanDuration(left)));
        let text = format!("{name}: run {} of {total}{left}", done + 1);
        match &self.block {
            Some(block) => block.headline(text),
            None => self.line(&text, true),
        }
    }

    /// Begins something of `total` parts, for instance "publishing".
    pub fn begin(&self, what: &'static str, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        *lock(&self.begun) = Instant::now();
        lock(&self.seen).clear();
        match &self.block {
            Some(block) => block.begin(what, total),
            None => self.line(&format!("{what}: {total} in all"), true),
        }
    }

    /// So many more parts are done.
    pub fn advance(&self, parts: u64) {
        let done = self.done.fetch_add(parts, Ordering::Relaxed) + parts;
        if let Some(block) = &self.block {
            block.advance(parts);
            return;
        }
        let total = self.total.load(Ordering::Relaxed);
        let rate = done as f64 / lock(&self.begun).elapsed().as_secs_f64().max(0.001);
        let retries = self.retries.load(Ordering::Relaxed);
        let seen = lock(&self.seen).clone();
        self.line(&format!("{done} of {total}, {rate:.0}/s, {retries} retries{seen}"), done == total);
    }

    /// A request has to be sent again.
    pub fn retry(&self, reason: &str) {
        let retries = self.retries.fetch_add(1, Ordering::Relaxed) + 1;
        let message = format!("{retries} retries, the last after: {}", reason.chars().take(60).collect::<String>());
        match &self.block {
            Some(block) => block.note(message),
            None => self.line(&message, false),
        }
    }

    /// Which of the parts is under way.
    pub fn doing(&self, message: &str) {
        match &self.block {
            Some(block) => block.say(message.to_owned()),
            None => self.line(message, true),
        }
    }

    /// What is being waited for.
    pub fn say(&self, message: &str) {
        match &self.block {
            Some(block) => block.say(message.to_owned()),
            None => self.line(message, false),
        }
    }

    /// A fault strikes, or is healed. It stays on the screen.
    pub fn mark(&self, mark: &Mark) {
        let text = format!("{:>7.1} s  {}", mark.at.as_secs_f64(), mark.what);
        match &self.block {
            Some(block) => block.above(&text),
            None => self.line(&text, true),
        }
    }

    /// What is seen now, after what was seen `before`.
    pub fn show(&self, before: &[Sample], now: &Sample) {
        let text = seen(before, now);
        match &self.block {
            Some(block) => block.seen(text),
            None => *lock(&self.seen) = format!("; {text}"),
        }
    }

    /// Removes the block.
    pub fn end(&self) {
        if let Some(block) = &self.block {
            block.clear();
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

fn seen(before: &[Sample], now: &Sample) -> String {
    let mut parts = vec![format!("sent {}, acknowledged {}", now.sent, now.acknowledged)];
    let first = before.iter().find_map(|sample| sample.stats);
    match (first, now.stats) {
        (Some(first), Some(stats)) => {
            parts.push(format!("stored {}", stats.unique_processed - first.unique_processed));
            parts.extend(rate(before, now).map(|rate| format!("{rate:.0} settled/s")));
            parts.push(format!("duplicates {}", stats.duplicate_dropped - first.duplicate_dropped));
            parts.push(stats.pending.map_or_else(|| "lag unknown".to_owned(), |lag| format!("lag {lag}")));
        }
        _ => parts.push("/stats does not answer".to_owned()),
    }
    parts.extend(now.memory.iter().map(|(name, bytes)| format!("{name} {:.0} MB", *bytes as f64 / 1e6)));
    parts.join(", ")
}

/// Records settled per second of late.
fn rate(before: &[Sample], now: &Sample) -> Option<f64> {
    let since =
        before.iter().rev().find(|sample| sample.stats.is_some() && now.at.saturating_sub(sample.at) >= RATE_OVER);
    let since = since.or_else(|| before.iter().find(|sample| sample.stats.is_some()))?;
    let settled = now.stats?.settled() - since.stats?.settled();
    Some(settled as f64 / now.at.saturating_sub(since.at).as_secs_f64().max(0.001))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::server::Stats;

    fn sample(seconds: u64, stats: Option<Stats>) -> Sample {
        Sample { at: Duration::from_secs(seconds), sent: 30, acknowledged: 20, stats, memory: BTreeMap::new() }
    }

    #[test]
    fn what_is_seen_counts_from_the_beginning_of_the_run() {
        let first = Stats { unique_processed: 100, duplicate_dropped: 10, ..Stats::default() };
        let now = Stats { unique_processed: 112, duplicate_dropped: 13, pending: Some(5), ..first };

        let text = seen(&[sample(0, Some(first)), sample(1, None)], &sample(3, Some(now)));

        assert_eq!(text, "sent 30, acknowledged 20, stored 12, 5 settled/s, duplicates 3, lag 5");
    }

    #[test]
    fn a_server_that_is_away_is_said_to_be() {
        let text = seen(&[sample(0, Some(Stats::default()))], &sample(1, None));

        assert_eq!(text, "sent 30, acknowledged 20, /stats does not answer");
    }
}
