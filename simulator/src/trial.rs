//! One run from the plan to the verdict.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::check::{Before, CheckError, Reader, Sampler};
use crate::model::{Beside, Case, History, KnownOutcome, Ledger, judge, judge_answers};
use crate::plan::Plan;
use crate::publish::{self, Course, PublishOptions, Publishers};
use crate::report::{Attacks, Published, Report, Verdict};
use crate::server::{Server, Stats};
use crate::testbed::{Environment, TestbedError};
use crate::timeline::Timeline;

/// How a trial is held.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long to wait for the server to be ready.
    pub wait_ready: Duration,
    /// How long everything may take to be stored after the last answer.
    pub drain_within: Duration,
    /// How the publishers behave.
    pub options: PublishOptions,
    /// Whether to read anything back.
    pub check: bool,
}

/// A plan, a server and the terms.
#[derive(Debug)]
pub struct Trial {
    /// What is sent.
    pub plan: Arc<Plan>,
    /// Whom it is sent to.
    pub server: Server,
    /// How.
    pub terms: Terms,
    /// Its course. Whoever breaks something meanwhile marks it here.
    pub timeline: Arc<Timeline>,
}

impl Trial {
    /// Publishes the plan and judges what became of it. `again` is the command that
    /// repeats the run, for the report.
    pub async fn hold(&self, again: String) -> Report {
        self.hold_on(None, again).await
    }

    /// The same on an environment of its own: the plan's injections are made beside the
    /// publishers, all is healed, and log and database are read for the verdict.
    pub async fn hold_on(&self, environment: Option<&mut Environment<'_>>, again: String) -> Report {
        let mut report = Report::begin(&self.plan, self.server.base(), again);
        let end = self.play_and_judge(environment, &mut report).await;
        report.happened(&self.timeline);
        self.timeline.progress().end();
        report.conclude(end);
        report
    }

    async fn play_and_judge(
        &self,
        mut environment: Option<&mut Environment<'_>>,
        report: &mut Report,
    ) -> Result<(), anyhow::Error> {
        publish::wait_until_ready(&self.server, self.terms.wait_ready, self.timeline.progress()).await?;
        if let Some(environment) = &environment {
            environment.healthy(&self.server).await?;
        }
        self.timeline.begin();
        let plan = self.plan.as_ref();
        if !self.terms.check {
            let history = self.play(environment, report).await?;
            report.checks = judge_answers(plan, &history);
            return finished(plan, &history);
        }
        let ledger = Ledger::new(plan);
        let reader = Reader { server: &self.server, plan, ledger: &ledger, progress: self.timeline.progress() };
        let before = reader.before().await?;
        let sampler = Sampler::start(&self.server, &self.timeline).await;
        let history = self.play_and_drain(environment.as_deref_mut(), &reader, (&before, report)).await;
        // Also of a run that came to no end: it is the one that somebody will look at.
        let over_time = sampler.stop().await;
        report.saw(&over_time);
        let history = history?;
        let mut observed = reader.after(&before).await?;
        observed.stats.splice(1..1, over_time.iter().filter_map(|sample| sample.stats));
        if let Some(environment) = environment {
            let mut ground_truth = environment.ground_truth().await?;
            let peaks = ground_truth.attacked.iter().flat_map(|attacked| attacked.peaks.values().copied());
            let seen = over_time.iter().flat_map(|sample| sample.memory.values().copied());
            ground_truth.peak_memory = seen.chain(peaks).max().unwrap_or(0);
            environment.close(&mut ground_truth)?;
            let beside = Beside::of(plan, &history);
            report.attacks = (!beside.is_empty()).then(|| Attacks::of(&beside, &ground_truth.attacked));
            observed.ground_truth = Some(ground_truth);
        }
        report.redelivered = redelivered(&observed.stats);
        report.checks = judge(&Case { plan, ledger: &ledger, history: &history, observed: &observed });
        finished(plan, &history)
    }

    async fn play_and_drain(
        &self,
        mut environment: Option<&mut Environment<'_>>,
        reader: &Reader<'_>,
        (before, report): (&Before, &mut Report),
    ) -> Result<History, anyhow::Error> {
        let history = self.play(environment.as_deref_mut(), report).await?;
        match environment {
            Some(environment) => self.healed(environment, reader, (before, &history)).await?,
            None => reader.drained(before, &history, self.terms.drain_within).await?,
        }
        Ok(history)
    }

    async fn play(
        &self,
        environment: Option<&mut Environment<'_>>,
        report: &mut Report,
    ) -> Result<History, TestbedError> {
        self.timeline.progress().begin("publishing", self.plan.copies() as u64);
        let begun = Instant::now();
        let course = Arc::new(Course::open(self.plan.first_held_phase()));
        let publishers = Publishers {
            plan: self.plan.clone(),
            server: self.server.clone(),
            options: self.terms.options,
            timeline: self.timeline.clone(),
            course: course.clone(),
        };
        let (history, injected) = match environment {
            None => (publishers.publish().await, Ok(())),
            Some(environment) => {
                tokio::join!(publishers.publish(), environment.inject(&self.plan, &course, &self.timeline))
            }
        };
        report.published = Some(Published::of(&self.plan, &history, begun.elapsed()));
        injected.map(|()| history)
    }

    /// Heals everything and waits until all is stored. What is not stored in time is
    /// for the judge to see.
    async fn healed(
        &self,
        environment: &mut Environment<'_>,
        reader: &Reader<'_>,
        (before, history): (&Before, &History),
    ) -> Result<(), anyhow::Error> {
        self.timeline.mark("all is healed");
        environment.heal().await?;
        publish::wait_until_ready(&self.server, self.terms.wait_ready, self.timeline.progress()).await?;
        if environment.settled().await.is_err() {
            return Ok(());
        }
        match reader.drained(before, history, self.terms.drain_within).await {
            // All that is in the log is stored: what is still missing never was in the log.
            Err(CheckError::NotDrained { .. }) => Ok(()),
            drained => Ok(drained?),
        }
    }
}

/// A publisher that gave up has proved nothing, unless a check is violated.
fn finished(plan: &Plan, history: &History) -> Result<(), anyhow::Error> {
    let totals = history.totals(plan);
    let reason = history.requests.iter().find_map(|sent| match &sent.outcome {
        KnownOutcome::NotKept { reason } | KnownOutcome::Unknown { reason } => Some(reason.clone()),
        _ => None,
    });
    match reason {
        Some(reason) => Err(anyhow::anyhow!(
            "publishing was given up: {} events were never accepted, {} have an unknown outcome; {reason}",
            totals.not_kept,
            totals.unknown
        )),
        None => Ok(()),
    }
}

fn redelivered(stats: &[Stats]) -> i64 {
    stats.first().zip(stats.last()).map_or(0, |(before, after)| after.redelivered - before.redelivered)
}

impl From<Result<(), anyhow::Error>> for Verdict {
    fn from(result: Result<(), anyhow::Error>) -> Self {
        match result {
            Ok(()) => Self::Pass,
            Err(reason) => Self::Unjudged { reason: format!("{reason:#}") },
        }
    }
}
