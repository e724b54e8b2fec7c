//! One run from the plan to the verdict.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::check::{self, Sampler};
use crate::model::{Case, Fate, History, Ledger, judge, judge_answers};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::publish::{self, Manner};
use crate::report::{Published, Report, Verdict};
use crate::server::{Server, Stats};

/// How a trial is held.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long to wait for the server to be ready.
    pub wait_ready: Duration,
    /// How long everything may take to be stored after the last answer.
    pub drain_within: Duration,
    /// How the publishers behave.
    pub manner: Manner,
    /// Whether to read anything back.
    pub check: bool,
}

/// Publishes a plan to a server and judges what became of it.
///
/// `again` is the command that repeats the run, for the report.
pub async fn hold(
    plan: Plan,
    server: &Server,
    terms: Terms,
    again: String,
    progress: Arc<Progress>,
) -> Report {
    let plan = Arc::new(plan);
    let mut report = Report::begin(&plan, server.base(), again);
    let verdict = attempt(&plan, server, terms, &progress, &mut report).await;
    progress.end();
    report.conclude(verdict);
    report
}

async fn attempt(
    plan: &Arc<Plan>,
    server: &Server,
    terms: Terms,
    progress: &Arc<Progress>,
    report: &mut Report,
) -> Result<(), anyhow::Error> {
    publish::wait_until_ready(server, terms.wait_ready, progress).await?;
    if !terms.check {
        let history = play(plan, server, terms, progress, report).await;
        report.checks = judge_answers(plan, &history);
        return finished(plan, &history);
    }
    let before = check::before(server, plan).await?;
    let sampler = Sampler::start(server);
    let history = play(plan, server, terms, progress, report).await;
    let drained =
        check::wait_until_drained(server, plan, &history, terms.drain_within, progress).await;
    let over_time = sampler.stop().await;
    drained?;
    let ledger = Ledger::new(plan);
    let mut observed = check::after(server, plan, &ledger, &before, progress).await?;
    observed
        .stats
        .splice(1..1, over_time.iter().map(|(_, stats)| *stats));
    report.redelivered = redelivered(&observed.stats);
    report.checks = judge(&Case {
        plan,
        ledger: &ledger,
        history: &history,
        observed: &observed,
    });
    finished(plan, &history)
}

async fn play(
    plan: &Arc<Plan>,
    server: &Server,
    terms: Terms,
    progress: &Arc<Progress>,
    report: &mut Report,
) -> History {
    progress.begin("publishing", plan.copies() as u64);
    let begun = Instant::now();
    let history = publish::publish(plan.clone(), server, terms.manner, progress.clone()).await;
    report.published = Some(Published::of(plan, &history, begun.elapsed()));
    history
}

/// A publisher that gave up has proved nothing, unless a check is violated.
fn finished(plan: &Plan, history: &History) -> Result<(), anyhow::Error> {
    let totals = history.totals(plan);
    let reason = history.requests.iter().find_map(|sent| match &sent.fate {
        Fate::NotKept { reason } | Fate::Unknown { reason } => Some(reason.clone()),
        _ => None,
    });
    match reason {
        Some(reason) => Err(anyhow::anyhow!(
            "publishing was given up: {} events were never accepted, {} have an unknown fate; {reason}",
            totals.not_kept,
            totals.unknown
        )),
        None => Ok(()),
    }
}

fn redelivered(stats: &[Stats]) -> i64 {
    stats
        .first()
        .zip(stats.last())
        .map_or(0, |(before, after)| after.redelivered - before.redelivered)
}

impl From<Result<(), anyhow::Error>> for Verdict {
    fn from(result: Result<(), anyhow::Error>) -> Self {
        match result {
            Ok(()) => Self::Pass,
            Err(reason) => Self::Unjudged {
                reason: format!("{reason:#}"),
            },
        }
    }
}
