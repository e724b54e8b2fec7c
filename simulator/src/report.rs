//! What a run came to: a table and a page for people, an object for programs.

mod attacks;
mod html;
mod moment;
mod plot;
mod quantiles;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde::Serialize;

use crate::model::{Check, History, State, Totals};
use crate::plan::Plan;
use crate::sample::{Mark, Sample};
use crate::timeline::Timeline;

pub use attacks::{AttackLine, Attacks};
pub use html::Page;
pub use moment::{Counted, Moment};
pub use quantiles::Quantiles;

/// The verdict and what it rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The scenario's name.
    pub scenario: String,
    /// The seed of the plan.
    pub seed: u64,
    /// The run's id.
    pub run: String,
    /// The server.
    pub url: String,
    /// The command that repeats the run.
    pub again: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// From the beginning to the verdict.
    pub seconds: f64,
    /// The plan in a few lines.
    pub plan: Vec<String>,
    /// Distinct events planned.
    pub unique: usize,
    /// Copies planned beyond those.
    pub repeats: usize,
    /// How publishing went; absent if it never began.
    pub published: Option<Published>,
    /// Records that the server read more than once meanwhile.
    pub redelivered: i64,
    /// What attacks came to, where the plan has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attacks: Option<Attacks>,
    /// The claims.
    pub checks: Vec<Check>,
    /// Faults, and what else happened at a moment.
    pub marks: Vec<Mark>,
    /// What was seen while it ran.
    pub over_time: Vec<Moment>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Every claim holds.
    Pass,
    /// A claim is violated.
    Fail,
    /// Nobody can say.
    Unjudged {
        /// Why not.
        reason: String,
    },
}

/// How publishing went.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// Copies and requests by outcome.
    #[serde(flatten)]
    pub totals: Totals,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Copies acknowledged per second.
    pub events_per_second: f64,
    /// Time to a final answer, retries included, in milliseconds.
    pub answer_ms: Quantiles,
}

impl Report {
    /// An empty report of a plan that has not been played yet.
    #[must_use]
    pub fn begin(plan: &Plan, url: &Url, again: String) -> Self {
        Self {
            verdict: Verdict::Unjudged { reason: "not finished".to_owned() },
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            run: plan.run.to_string(),
            url: url.to_string(),
            again,
            started_at: Utc::now(),
            seconds: 0.0,
            plan: plan.outline(),
            unique: plan.events.len(),
            repeats: plan.copies().saturating_sub(plan.events.len()),
            published: None,
            redelivered: 0,
            attacks: None,
            checks: Vec::new(),
            marks: Vec::new(),
            over_time: Vec::new(),
        }
    }

    /// Takes in what was seen while it ran.
    pub fn saw(&mut self, samples: &[Sample]) {
        self.over_time = moment::moments(samples);
    }

    /// Takes in what happened when.
    pub fn happened(&mut self, timeline: &Timeline) {
        self.seconds = timeline.elapsed().as_secs_f64();
        self.marks = timeline.marks();
    }

    /// Sets the verdict: a violated claim outweighs everything, and nothing else is
    /// judged where the run came to no end.
    pub fn conclude(&mut self, end: impl Into<Verdict>) {
        let violated = self.checks.iter().any(|check| check.state == State::Violated);
        self.verdict = if violated { Verdict::Fail } else { end.into() };
    }

    /// 0 pass, 1 fail, 3 not judged. (2 is a mistake in the command line.)
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self.verdict {
            Verdict::Pass => ExitCode::SUCCESS,
            Verdict::Fail => ExitCode::from(1),
            Verdict::Unjudged { .. } => ExitCode::from(3),
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pass => out.write_str("PASS"),
            Self::Fail => out.write_str("FAIL"),
            Self::Unjudged { reason } => write!(out, "NOT JUDGED: {reason}"),
        }
    }
}

impl Published {
    /// Sums up a history.
    #[must_use]
    pub fn of(plan: &Plan, history: &History, took: Duration) -> Self {
        let totals = history.totals(plan);
        let seconds = took.as_secs_f64();
        let events_per_second = totals.acknowledged as f64 / seconds.max(0.001);
        Self { totals, seconds, events_per_second, answer_ms: Quantiles::of(&history.requests) }
    }
}
