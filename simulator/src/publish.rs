//! Plays a plan against a server and remembers what it was told.

mod course;
mod ready;
pub(crate) mod retry;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fake::rand;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::model::{History, KnownOutcome, Sent, Told};
use crate::plan::{Content, Plan, PlannedRequest};
use crate::server::{Server, beginning};
use crate::timeline::Timeline;
use retry::{Again, Meaning};

pub use course::Course;
pub use ready::{NotReady, wait_until_ready};

/// How the publishers behave.
#[derive(Clone, Copy, Debug)]
pub struct PublishOptions {
    /// Publishing is given up when a request has been tried for this long while
    /// no other one was answered either.
    pub patience: Duration,
    /// Ask for 202 instead of waiting for verdicts.
    pub respond_async: bool,
}

/// All publishers of a plan.
#[derive(Debug)]
pub struct Publishers {
    /// What they send.
    pub plan: Arc<Plan>,
    /// To whom.
    pub server: Server,
    /// How.
    pub options: PublishOptions,
    /// What they do is noted there.
    pub timeline: Arc<Timeline>,
    /// For who acts beside them.
    pub course: Arc<Course>,
}

struct Publisher {
    plan: Arc<Plan>,
    server: Server,
    options: PublishOptions,
    timeline: Arc<Timeline>,
    course: Arc<Course>,
    next: AtomicUsize,
    last_answer: watch::Sender<Instant>,
}

impl Publishers {
    /// Sends every request of the plan until it has a final answer, in the plan's
    /// order, phases and concurrency.
    ///
    /// Returns within the patience and one attempt's timeout of the server's last
    /// answer, whatever the server does.
    pub async fn publish(self) -> History {
        let Self { plan, server, options, timeline, course } = self;
        let last_answer = watch::Sender::new(Instant::now());
        let publisher =
            Arc::new(Publisher { plan, server, options, timeline, course, next: AtomicUsize::new(0), last_answer });
        let mut sent: Vec<(usize, Sent)> = Vec::with_capacity(publisher.plan.requests.len());
        let mut from = 0;
        while let Some(first) = publisher.plan.requests.get(from) {
            let rest = &publisher.plan.requests[from..];
            let to = from + rest.iter().take_while(|request| request.phase == first.phase).count();
            publisher.course.reach(first.phase);
            publisher.course.opened(first.phase).await;
            sent.extend(publisher.clone().phase(from, to).await);
            from = to;
        }
        publisher.course.reach(u32::MAX);
        sent.sort_unstable_by_key(|(request, _)| *request);
        History { requests: sent.into_iter().map(|(_, sent)| sent).collect() }
    }
}

impl Publisher {
    /// Requests `from..to`, by as many workers as the plan allows.
    async fn phase(self: Arc<Self>, from: usize, to: usize) -> Vec<(usize, Sent)> {
        self.next.store(from, Ordering::Relaxed);
        let begun = Instant::now();
        let workers: Vec<_> = (0..self.plan.concurrency.clamp(1, to - from))
            .map(|_| tokio::spawn(self.clone().worker(to, begun)))
            .collect();
        let mut sent = Vec::with_capacity(to - from);
        for worker in workers {
            match worker.await {
                Ok(part) => sent.extend(part),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        sent
    }

    async fn worker(self: Arc<Self>, to: usize, begun: Instant) -> Vec<(usize, Sent)> {
        let mut sent = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= to {
                return sent;
            }
            let request = &self.plan.requests[number];
            sleep_until(begun + request.at).await;
            let copies = request.content.events().len();
            self.timeline.sent(copies);
            let outcome = self.send(request).await;
            if matches!(outcome.outcome, KnownOutcome::Acknowledged(_)) {
                self.timeline.acknowledged(copies);
            }
            sent.push((number, outcome));
            self.timeline.progress().advance(copies as u64);
            self.course.advance(copies);
        }
    }

    /// One request, repeated with the same bytes until the answer is final.
    async fn send(&self, request: &PlannedRequest) -> Sent {
        let begun = Instant::now();
        let mut sent = Sent {
            attempts: 0,
            uncertain: 0,
            server_errors: 0,
            put_off: None,
            elapsed: Duration::ZERO,
            outcome: KnownOutcome::NotSent,
        };
        let mut failed: Option<Again> = None;
        sent.outcome = loop {
            if self.course.is_given_up() {
                break failed.map_or(KnownOutcome::NotSent, given_up);
            }
            sent.uncertain += u32::from(failed.is_some_and(|again| again.may_be_kept));
            sent.attempts += 1;
            let again = match self.attempt(&request.content).await {
                Ok(outcome) => break outcome,
                Err(again) => again,
            };
            sent.server_errors += u32::from(again.server_error);
            sent.put_off = Some(again.reason.clone());
            if self.is_hopeless(begun) {
                self.course.give_up();
            } else {
                self.timeline.progress().retry(&again.reason);
                sleep(retry::wait(sent.attempts, again.retry_after, rand::random())).await;
            }
            failed = Some(again);
        };
        sent.elapsed = begun.elapsed();
        sent
    }

    async fn attempt(&self, content: &Content) -> Result<KnownOutcome, Again> {
        let result = self.server.publish(&self.plan, content, self.options.respond_async).await;
        let body = result.as_ref().map(|reply| reply.body.clone()).unwrap_or_default();
        let outcome = match retry::meaning(content, &result) {
            Meaning::Again(again) => return Err(again),
            Meaning::Acknowledged { verdict } => {
                KnownOutcome::Acknowledged(Told::read(&self.plan, content, verdict, &body))
            }
            Meaning::Refused { status } => KnownOutcome::Refused { status, detail: beginning(&body) },
        };
        self.last_answer.send_replace(Instant::now());
        Ok(outcome)
    }

    fn is_hopeless(&self, begun: Instant) -> bool {
        let quiet_since = begun.max(*self.last_answer.borrow());
        quiet_since.elapsed() >= self.options.patience
    }
}

fn given_up(again: Again) -> KnownOutcome {
    let reason = again.reason;
    if again.may_be_kept { KnownOutcome::Unknown { reason } } else { KnownOutcome::NotKept { reason } }
}
