//! The table at the end.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::samples::Samples;

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// A figure beside its limit.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The bench: `sink`, `ingest`, …
    pub bench: &'static str,
    /// What was measured.
    pub what: String,
    /// The unit of figure and limit.
    pub unit: &'static str,
    /// What oncelog came to.
    pub figure: Samples,
    /// What the limit is.
    pub against: &'static str,
    /// What the limit came to.
    pub limit: Samples,
    /// Figure ÷ limit, round by round.
    pub ratio: Samples,
    /// What the ratio should be; none: for information.
    pub goal: Option<Goal>,
}

impl Line {
    /// Compares a figure with a limit of the same rounds.
    #[must_use]
    pub fn new(bench: &'static str, what: &str, figure: &[f64], (against, limit): (&'static str, &[f64])) -> Self {
        let (figure, limit) = (Samples::new(figure.to_vec()), Samples::new(limit.to_vec()));
        let ratio = figure.over(&limit);
        Self { bench, what: what.to_owned(), unit: "events/s", figure, against, limit, ratio, goal: None }
    }

    /// With a goal for the ratio.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// In another unit than events per second.
    #[must_use]
    pub fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Whether the goal is reached, if there is one.
    #[must_use]
    pub fn reached(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtLeast(least) => self.ratio.median >= least,
            Goal::AtMost(most) => self.ratio.median <= most,
        })
    }
}

/// Resident memory over time.
#[derive(Clone, Debug, Serialize)]
pub struct Course {
    /// Of which process, when.
    pub what: String,
    /// Between two looks.
    pub every: Duration,
    /// MiB at each look.
    pub mib: Vec<f64>,
}

impl Course {
    pub(super) fn new(what: &str, every: Duration, mib: Vec<f64>) -> Self {
        Self { what: what.to_owned(), every, mib }
    }

    pub(super) fn peak(&self) -> f64 {
        self.mib.iter().copied().fold(0.0, f64::max)
    }
}

/// As many figures as fit into a line, each the highest of its share.
impl fmt::Display for Course {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FIGURES: usize = 24;
        let share = self.mib.len().div_ceil(FIGURES).max(1);
        let peaks: Vec<String> =
            self.mib.chunks(share).map(|share| format!("{:.0}", share.iter().copied().fold(0.0, f64::max))).collect();
        let every = self.every.as_secs_f64() * share as f64;
        write!(out, "{}, MiB every {every:.2} s: {}", self.what, peaks.join(" "))
    }
}

/// All figures of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The machine and what ran on it.
    pub machine: Machine,
    /// The figures.
    pub lines: Vec<Line>,
    /// Memory over time, where that was measured.
    pub courses: Vec<Course>,
}

/// Where it was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many of them.
    pub cores: usize,
    /// When, in UTC.
    pub at: String,
}

impl Report {
    pub(super) fn new(lines: Vec<Line>, courses: Vec<Course>) -> Self {
        Self { machine: Machine::here(), lines, courses }
    }
}

impl Machine {
    fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            at: chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(out, "≥ {least:.2}"),
            Self::AtMost(most) => write!(out, "≤ {most:.2}"),
        }
    }
}

pub(super) const HEAD: [&str; 9] = ["BENCH", "WHAT", "ONCELOG", "LIMIT", "", "UNIT", "RATIO", "SPREAD", "GOAL"];

impl Line {
    pub(super) fn cells(&self) -> [String; 9] {
        let goal = match (self.goal, self.reached()) {
            (Some(goal), Some(true)) => format!("{goal} yes"),
            (Some(goal), _) => format!("{goal} NO"),
            (None, _) => "-".to_owned(),
        };
        [
            self.bench.to_owned(),
            self.what.clone(),
            number(self.figure.median),
            number(self.limit.median),
            self.against.to_owned(),
            self.unit.to_owned(),
            format!("{:.2}", self.ratio.median),
            format!("{:.2}–{:.2}", self.ratio.low, self.ratio.high),
            goal,
        ]
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, at } = &self.machine;
        writeln!(out, "{processor}, {cores} cores, {at}; medians, ratios round by round\n")?;
        let rows: Vec<_> = std::iter::once(HEAD.map(str::to_owned)).chain(self.lines.iter().map(Line::cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        for row in &rows {
            let mut text = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = width(column);
                let aligned =
                    if matches!(column, 2 | 3 | 6) { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
                text.push_str(&aligned);
                text.push_str("  ");
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        self.courses.iter().try_for_each(|course| writeln!(out, "\n{course}"))
    }
}
