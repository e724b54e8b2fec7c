//! What `POST /publish` answers, as JSON. Clients of several older services read these
//! bodies, so some numbers bear two names.

use event::{EventId, Topic};
use serde::Serialize;
use store::verdicts::AppendedRecord;
use utoipa::ToSchema;

use crate::metrics::ApiMetrics;
use crate::verdicts::outcome::Outcome;

/// The name of an event that is being published.
pub(super) type EventKey = (Topic, EventId);

/// Where a record lies, if the log's word on it can be believed.
pub(crate) type Position = Option<(i32, i64)>;

/// The answer with verdicts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Published<'a> {
    #[schema(example = "ok")]
    status: &'static str,
    #[schema(example = "Received 3 events, accepted 2, rejected 1 duplicates")]
    message: String,
    /// Events of the request.
    received: usize,
    /// Events that were new.
    accepted: usize,
    /// The same as `accepted`.
    unique_processed: usize,
    /// The same as `accepted`.
    processed_count: usize,
    /// Events that added no row because their id was there before, conflicts included.
    duplicate_dropped: usize,
    /// The same as `duplicate_dropped`.
    duplicates: usize,
    /// How many of the duplicates bore another payload.
    conflicts: usize,
    /// Events that could not be stored.
    dead_letters: usize,
    /// Each event, in the order of the request.
    events: Vec<PublishedEvent<'a>>,
}

/// An event of the request and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublishedEvent<'a> {
    #[schema(example = "orders")]
    topic: &'a str,
    #[schema(example = "order-1001")]
    event_id: &'a str,
    outcome: Outcome,
    /// Partition of the event's record in the log.
    partition: i32,
    /// Its offset there.
    offset: i64,
}

impl<'a> Published<'a> {
    /// Counts the outcomes of these records.
    pub(crate) fn new(records: &'a [AppendedRecord], outcomes: &[Outcome]) -> Published<'a> {
        let count = |outcome| outcomes.iter().filter(|found| **found == outcome).count();
        let (stored, conflicts) = (count(Outcome::Stored), count(Outcome::Conflict));
        let duplicates = count(Outcome::Duplicate) + conflicts;
        let received = records.len();
        let events = records.iter().zip(outcomes).map(|(record, outcome)| PublishedEvent {
            topic: &record.topic,
            event_id: &record.event_id,
            outcome: *outcome,
            partition: record.partition,
            offset: record.offset,
        });
        Published {
            status: "ok",
            message: format!("Received {received} events, accepted {stored}, rejected {duplicates} duplicates"),
            received,
            accepted: stored,
            unique_processed: stored,
            processed_count: stored,
            duplicate_dropped: duplicates,
            duplicates,
            conflicts,
            dead_letters: count(Outcome::DeadLetter),
            events: events.collect(),
        }
    }

    /// Adds what became of these events to what is measured.
    pub(super) fn measure(&self, metrics: &ApiMetrics) {
        metrics.stored.increment(self.unique_processed as u64);
        metrics.duplicates.increment(self.duplicate_dropped as u64);
        metrics.conflicts.increment(self.conflicts as u64);
        metrics.dead_letters.increment(self.dead_letters as u64);
    }
}

/// The answer without verdicts: everything is kept, and will be stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queued<'a> {
    #[schema(example = "queued")]
    status: &'static str,
    #[schema(example = "Received 1 events, kept all; their verdicts are not known yet")]
    message: String,
    /// Events of the request.
    received: usize,
    /// Events that are kept: all of them.
    accepted: usize,
    /// Each event, in the order of the request.
    events: Vec<QueuedEvent<'a>>,
}

/// An event of the request and where it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuedEvent<'a> {
    #[schema(example = "orders")]
    topic: &'a str,
    #[schema(example = "order-1001")]
    event_id: &'a str,
    /// Partition of the event's record in the log, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    /// Its offset there, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
}

impl<'a> Queued<'a> {
    pub(crate) fn new(names: &'a [EventKey], places: &[Position]) -> Queued<'a> {
        let received = names.len();
        let events = names.iter().zip(places).map(|((topic, event_id), place)| QueuedEvent {
            topic: topic.as_str(),
            event_id: event_id.as_str(),
            partition: place.map(|(partition, _)| partition),
            offset: place.map(|(_, offset)| offset),
        });
        Queued {
            status: "queued",
            message: format!("Received {received} events, kept all; their verdicts are not known yet"),
            received,
            accepted: received,
            events: events.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::{json, to_value};

    use super::*;

    fn record(event_id: &str, offset: i64) -> AppendedRecord {
        AppendedRecord { topic: "orders".into(), event_id: event_id.into(), partition: 2, offset }
    }

    #[test]
    fn each_event_is_in_exactly_one_count() {
        let records: Vec<_> = (0..5).map(|offset| record("a", offset)).collect();
        let outcomes =
            [Outcome::Stored, Outcome::Duplicate, Outcome::Duplicate, Outcome::Conflict, Outcome::DeadLetter];

        let answer = to_value(Published::new(&records, &outcomes)).unwrap();

        assert_eq!(answer["received"], 5);
        for one in ["accepted", "unique_processed", "processed_count"] {
            assert_eq!(answer[one], 1, "{one}");
        }
        for three in ["duplicate_dropped", "duplicates"] {
            assert_eq!(answer[three], 3, "{three}");
        }
        assert_eq!((&answer["conflicts"], &answer["dead_letters"]), (&json!(1), &json!(1)));
        assert_eq!(answer["message"], "Received 5 events, accepted 1, rejected 3 duplicates");
    }

    #[test]
    fn events_are_answered_in_the_order_of_the_request() {
        let records = [record("b", 9), record("a", 4)];

        let answer = to_value(Published::new(&records, &[Outcome::Stored, Outcome::Duplicate])).unwrap();

        assert_eq!(
            answer["events"],
            json!([
                {"topic": "orders", "event_id": "b", "outcome": "stored", "partition": 2, "offset": 9},
                {"topic": "orders", "event_id": "a", "outcome": "duplicate", "partition": 2, "offset": 4},
            ])
        );
    }

    #[test]
    fn what_is_queued_claims_no_outcome_and_no_position_that_is_not_believed() {
        let names: Vec<EventKey> =
            ["a", "b"].map(|id| (Topic::parse("orders").unwrap(), EventId::parse(id).unwrap())).into();

        let answer = to_value(Queued::new(&names, &[Some((2, 9)), None])).unwrap();

        assert_eq!((&answer["received"], &answer["accepted"]), (&json!(2), &json!(2)));
        assert!(answer.get("unique_processed").is_none() && answer.get("duplicate_dropped").is_none());
        assert_eq!(answer["events"][0]["offset"], 9);
        assert!(answer["events"][1].get("offset").is_none() && answer["events"][1].get("outcome").is_none());
    }
}
