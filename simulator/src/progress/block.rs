//! The live block on a terminal: which run, what is under way, what is seen.

use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

/// How often a spinner turns, and the time beside it is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// Up to three lines that are drawn over themselves.
#[derive(Debug)]
pub(super) struct Block {
    all: MultiProgress,
    /// Only where there are several runs.
    head: OnceLock<ProgressBar>,
    bar: ProgressBar,
    seen: ProgressBar,
}

impl Block {
    pub(super) fn new() -> Self {
        let all = MultiProgress::new();
        let [bar, seen] = [(); 2].map(|()| all.add(ProgressBar::no_length()));
        seen.set_style(style("{msg}"));
        Self { all, head: OnceLock::new(), bar, seen }
    }

    /// Which run of how many.
    pub(super) fn headline(&self, text: String) {
        let head = self.head.get_or_init(|| self.all.insert(0, ProgressBar::no_length().with_style(style("{msg}"))));
        head.set_message(text);
    }

    /// Something that can be counted.
    pub(super) fn begin(&self, what: &'static str, total: u64) {
        self.bar.set_length(total);
        self.bar.reset();
        self.bar.set_style(
            style("{prefix} [{bar:32}] {human_pos} of {human_len}, {rate}, {eta} left  {msg}")
                .with_key("rate", rate)
                .progress_chars("=> "),
        );
        self.bar.set_prefix(what);
        self.bar.set_message("");
        self.bar.enable_steady_tick(DRAW_EVERY);
    }

    /// More of it.
    pub(super) fn advance(&self, parts: u64) {
        self.bar.inc(parts);
    }

    /// Beside the bar.
    pub(super) fn note(&self, text: String) {
        self.bar.set_message(text);
    }

    /// In place of the bar.
    pub(super) fn say(&self, text: String) {
        self.bar.set_style(style("{spinner} {msg}"));
        self.bar.set_message(text);
        self.bar.enable_steady_tick(DRAW_EVERY);
    }

    /// Under the bar.
    pub(super) fn seen(&self, text: String) {
        self.seen.set_message(text);
    }

    /// Above the block, for good.
    pub(super) fn above(&self, text: &str) {
        // A terminal that has gone away is no reason to stop.
        let _ = self.all.println(text);
    }

    /// Takes the block away; a new line brings it back.
    pub(super) fn clear(&self) {
        self.bar.disable_steady_tick();
        for line in self.head.get().into_iter().chain([&self.bar, &self.seen]) {
            line.set_message("");
        }
        let _ = self.all.clear();
    }
}

/// Else the lines would be drawn a last time, and stay.
impl Drop for Block {
    fn drop(&mut self) {
        for line in self.head.get().into_iter().chain([&self.bar, &self.seen]) {
            line.finish_and_clear();
        }
    }
}

fn rate(state: &ProgressState, out: &mut dyn Write) {
    // There is nobody to tell of a line that cannot be written.
    let _ = write!(out, "{:.0}/s", state.per_sec());
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
