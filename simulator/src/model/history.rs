//! What the publishers were told.

use std::time::Duration;

use serde::Serialize;

use crate::plan::{Content, EventIndex, Plan};
use crate::server::{EventAnswer, Outcome, PublishAnswer, beginning};

/// A record's place in the log: partition and offset.
pub type Position = (i32, i64);

/// The outcome of every request of a plan, in the plan's order.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// One per request.
    pub requests: Vec<Sent>,
}

/// What happened to one request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Times that it was sent.
    pub attempts: u32,
    /// Attempts, the last one aside, after which nobody can say whether the
    /// records are in the log.
    pub uncertain: u32,
    /// Attempts that were answered by a 5xx other than 503: never right.
    pub server_errors: u32,
    /// What came of the last attempt that had to be made again.
    pub put_off: Option<String>,
    /// From the first attempt to the last answer.
    pub elapsed: Duration,
    /// How it ended.
    pub outcome: KnownOutcome,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub enum KnownOutcome {
    /// The publisher had given up before.
    NotSent,
    /// 200 or 202: the server answers for these events.
    Acknowledged(Told),
    /// A final no: nothing of it may be kept.
    Refused {
        /// The status.
        status: u16,
        /// The beginning of the body.
        detail: String,
    },
    /// Given up, and nothing of the last attempt was kept.
    NotKept {
        /// The last answer.
        reason: String,
    },
    /// Given up without an answer: kept or not, in whole or in part.
    Unknown {
        /// The last failure.
        reason: String,
    },
}

/// What an acknowledgement said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// 200 rather than 202.
    pub verdict: bool,
    /// One per event of the request, in order; empty if the answer named none.
    pub events: Vec<ToldEvent>,
    /// In what the answer contradicts itself or the request.
    pub contradictions: Vec<String>,
}

/// What an acknowledgement said of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldEvent {
    /// The verdict, in a 200.
    pub outcome: Option<Outcome>,
    /// Where the record is, if it was told.
    pub position: Option<Position>,
}

/// Totals for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Requests of the plan.
    pub requests: usize,
    /// Attempts made for them.
    pub attempts: u64,
    /// Attempts that had to be made again.
    pub retries: u64,
    /// Copies of events acknowledged.
    pub acknowledged: usize,
    /// How many of those with a verdict (200).
    pub with_verdict: usize,
    /// Copies refused for good.
    pub refused: usize,
    /// Copies given up as surely not kept, or never sent.
    pub not_kept: usize,
    /// Copies of which nobody knows.
    pub unknown: usize,
}

impl History {
    /// Fewest and most records that the log holds on the run's account.
    #[must_use]
    pub fn records(&self, plan: &Plan) -> (u64, u64) {
        let requests = plan.requests.iter().zip(&self.requests);
        requests.fold((0, 0), |sum, (request, sent)| {
            let (copies, (fewest, most)) = (request.content.events().len() as u64, sent.times_in_log());
            (sum.0 + copies * fewest, sum.1 + copies * most)
        })
    }

    /// Copies by outcome.
    #[must_use]
    pub fn totals(&self, plan: &Plan) -> Totals {
        let mut totals = Totals { requests: plan.requests.len(), ..Totals::default() };
        for (request, sent) in plan.requests.iter().zip(&self.requests) {
            let copies = request.content.events().len();
            totals.attempts += u64::from(sent.attempts);
            totals.retries += u64::from(sent.attempts.saturating_sub(1));
            match &sent.outcome {
                KnownOutcome::Acknowledged(told) => {
                    totals.acknowledged += copies;
                    totals.with_verdict += if told.verdict { copies } else { 0 };
                }
                KnownOutcome::Refused { .. } => totals.refused += copies,
                KnownOutcome::NotKept { .. } | KnownOutcome::NotSent => totals.not_kept += copies,
                KnownOutcome::Unknown { .. } => totals.unknown += copies,
            }
        }
        totals
    }
}

impl Sent {
    /// Fewest and most times that each event of the request is in the log on its
    /// account.
    #[must_use]
    pub fn times_in_log(&self) -> (u64, u64) {
        let uncertain = u64::from(self.uncertain);
        match self.outcome {
            KnownOutcome::Acknowledged(_) => (1, 1 + uncertain),
            KnownOutcome::Unknown { .. } => (0, 1 + uncertain),
            KnownOutcome::Refused { .. } | KnownOutcome::NotKept { .. } | KnownOutcome::NotSent => (0, uncertain),
        }
    }
}

impl Told {
    /// Reads the body of a 200 (`verdict`) or 202 to `content`, and holds it against
    /// the request and against itself. The answer to a read says nothing of events.
    #[must_use]
    pub fn read(plan: &Plan, content: &Content, verdict: bool, body: &[u8]) -> Self {
        if matches!(content, Content::Read { .. }) {
            return Self::default();
        }
        match serde_json::from_slice::<PublishAnswer>(body) {
            Ok(answer) => Self::from_answer(plan, content.events(), verdict, &answer),
            Err(error) => {
                let contradictions = vec![format!("an answer that cannot be read: {error}: {}", beginning(body))];
                Self { verdict, events: Vec::new(), contradictions }
            }
        }
    }

    fn from_answer(plan: &Plan, sent: &[EventIndex], verdict: bool, answer: &PublishAnswer) -> Self {
        let listed = answer.events.as_deref().unwrap_or_default();
        let mut contradictions = Vec::new();
        if verdict || !listed.is_empty() {
            contradictions.extend(listed_wrongly(plan, sent, listed));
        }
        contradictions.extend(if verdict {
            counted_wrongly(sent.len(), listed, answer)
        } else {
            queued_wrongly(sent.len(), answer)
        });
        let events = listed
            .iter()
            .map(|event| ToldEvent {
                outcome: event.outcome.filter(|_| verdict),
                position: event.partition.zip(event.offset),
            })
            .collect();
        Self { verdict, events, contradictions }
    }
}

fn listed_wrongly(plan: &Plan, sent: &[EventIndex], listed: &[EventAnswer]) -> Option<String> {
    if listed.len() != sent.len() {
        return Some(format!("{} events sent, {} in the answer", sent.len(), listed.len()));
    }
    let wrong = sent
        .iter()
        .zip(listed)
        .find(|(event, told)| plan.topic_of(**event) != told.topic || plan.events[**event].event_id != told.event_id)?;
    Some(format!(
        "the answer names {}/{} in the place of {}",
        wrong.1.topic, wrong.1.event_id, plan.events[*wrong.0].event_id
    ))
}

fn counted_wrongly(sent: usize, listed: &[EventAnswer], answer: &PublishAnswer) -> Vec<String> {
    let count = |outcome| listed.iter().filter(|event| event.outcome == Some(outcome)).count() as u64;
    let (stored, dead) = (count(Outcome::Stored), count(Outcome::DeadLetter));
    let (duplicates, conflicts) = (count(Outcome::Duplicate), count(Outcome::Conflict));
    let without = listed.iter().filter(|event| event.outcome.is_none()).count();
    let mut wrong = Vec::new();
    if without > 0 {
        wrong.push(format!("a 200 with {without} events that have no outcome"));
    }
    for (name, told, right) in [
        ("received", answer.received, sent as u64),
        ("accepted", answer.accepted, stored),
        ("unique_processed", answer.unique_processed, stored),
        ("processed_count", answer.processed_count, stored),
        ("duplicate_dropped", answer.duplicate_dropped, duplicates + conflicts),
        ("duplicates", answer.duplicates, duplicates + conflicts),
        ("conflicts", answer.conflicts, conflicts),
        // Only this one may be left out: it is no part of the answer where it is 0.
        ("dead_letters", answer.dead_letters.or((dead == 0).then_some(0)), dead),
    ] {
        if told != Some(right) {
            wrong.push(format!("{name} is {} where the events listed make it {right}", shown(told)));
        }
    }
    wrong
}

fn queued_wrongly(sent: usize, answer: &PublishAnswer) -> Vec<String> {
    let verdicts = [
        answer.unique_processed,
        answer.processed_count,
        answer.duplicate_dropped,
        answer.duplicates,
        answer.conflicts,
    ];
    let mut wrong = Vec::new();
    for (name, told) in [("received", answer.received), ("accepted", answer.accepted)] {
        if told != Some(sent as u64) {
            wrong.push(format!("a 202 in which {name} is {} for {sent} events", shown(told)));
        }
    }
    if verdicts.iter().any(Option::is_some) {
        wrong.push("a 202 that counts verdicts which it cannot know".to_owned());
    }
    wrong
}

fn shown(told: Option<u64>) -> String {
    told.map_or_else(|| "absent".to_owned(), |told| told.to_string())
}
