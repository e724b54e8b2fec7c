//! A WARN line per duplicate, within reason: at most [`LINES_PER_SECOND`], then how many were left out.

use std::time::{Duration, Instant};

use store::{Batch, Outcome, What};

/// Enough to see what repeats itself, few enough to keep a log readable in a retry storm.
const LINES_PER_SECOND: u32 = 20;

/// Writes the lines of one writer.
#[derive(Debug)]
pub(crate) struct DuplicateLog {
    since: Instant,
    written: u32,
    suppressed: u64,
}

impl DuplicateLog {
    pub(crate) fn new() -> Self {
        DuplicateLog { since: Instant::now(), written: 0, suppressed: 0 }
    }

    /// Tells of the repeats in a batch that was stored.
    pub(crate) fn tell(&mut self, batch: &Batch, outcomes: &[Outcome]) {
        if self.since.elapsed() >= Duration::from_secs(1) {
            self.summarise();
        }
        for ((partition, _, entry), outcome) in batch.entries().zip(outcomes) {
            let (What::Event(event), Outcome::Duplicate | Outcome::Conflict) = (&entry.what, outcome) else { continue };
            if self.written == LINES_PER_SECOND {
                self.suppressed += 1;
                continue;
            }
            self.written += 1;
            let what = if *outcome == Outcome::Conflict { "conflict" } else { "duplicate" };
            tracing::warn!(
                topic = event.topic.as_str(),
                event_id = event.event_id.as_str(),
                source = event.source.as_str(),
                partition,
                offset = entry.offset,
                "{what} dropped"
            );
        }
    }

    fn summarise(&mut self) {
        if self.suppressed > 0 {
            tracing::warn!(suppressed = self.suppressed, "more duplicates dropped, not listed");
        }
        *self = DuplicateLog::new();
    }
}
