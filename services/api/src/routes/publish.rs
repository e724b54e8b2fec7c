//! `POST /publish`: events into the log, all of them or none, and their verdicts if they come in time.
//!
//! ```text
//! read the body -> check every event -> append and await the delivery reports -> wait for the verdicts
//!      413 408        422 413              429 503                                 200, or 202
//! ```
//!
//! A 2xx is sent only after the log has confirmed every record of the request.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use broker::{DeliveryOutcome, NewRecord, Refused, partition_of};
use event::{Event, PartitionBy};
use store::verdicts::AppendedRecord;

use crate::http::body;
use crate::http::budgeted_body::json;
use crate::http::byte_budget::Reserved;
use crate::http::contained::contained_here;
use crate::http::limit_hits::Limit;
use crate::http::prefer::{PREFERENCE_APPLIED, Prefer, Wait};
use crate::http::problem::{Problem, ProblemBody, RecordState, State as Known};
use crate::http::trace_context::traceparent;
use crate::planted;
use crate::routes::request_schema::PublishBody;
use crate::routes::responses::{EventKey, Position, Published, Queued};
use crate::state::Shared;
use crate::verdicts::policy::StoredBefore;
use crate::verdicts::waiter::Waited;

/// Above this a body is checked on a thread of its own: it takes milliseconds.
const INLINE_BYTES: usize = 256 * 1024;

/// Publish events, all of them or none.
///
/// Takes one event, an array of events, or `{"events": […]}`. Answers **200** with the verdict of each
/// event when they are stored within the wait (2 s, or `Prefer: wait=N` with N up to 30), else **202**:
/// kept in the log, the verdict can be read later. Repeating a request with the same event ids is
/// always safe.
#[utoipa::path(
    post, path = "/publish", tag = "events",
    params(
        ("Prefer" = Option<String>, Header, example = "wait=5",
            description = "`wait=N`: wait up to N seconds (0 to 30) for the verdict; `respond-async`: do not wait"),
        ("traceparent" = Option<String>, Header, description = "W3C Trace Context; handed on with each record"),
    ),
    request_body(
        content = PublishBody, description = "One event, `[event, …]`, or `{\"events\": [event, …]}`; \
            up to 10,000 events, 8 MiB, 1 MiB per event",
        examples(
            ("one" = (summary = "One event", value = json!({"topic": "orders", "event_id": "order-1001",
                "timestamp": "2025-10-24T15:12:30Z", "source": "shop-api", "payload": {"amount": 12.5}}))),
            ("array" = (summary = "An array", value = json!([
                {"topic": "orders", "event_id": "order-1001", "timestamp": "2025-10-24T15:12:30Z", "source": "shop-api"},
                {"topic": "orders", "event_id": "order-1002", "timestamp": "2025-10-24T15:12:31Z", "source": "shop-api"}]))),
            ("batch" = (summary = "An object with events", value = json!({"events": [
                {"topic": "orders", "event_id": "order-1001", "timestamp": "2025-10-24T15:12:30Z", "source": "shop-api"}]}))),
        )),
    responses(
        (status = 200, description = "Stored, each with its verdict", body = Published<'_>),
        (status = 202, description = "Kept; the verdict is not known yet", body = Queued<'_>),
        (status = 400, description = "The body broke off", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "The body took too long", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "Too many events or bytes", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Not valid; `errors` point to each fault", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too much at once; nothing was taken", body = ProblemBody, content_type = "application/problem+json",
            headers(("Retry-After" = u32, description = "Seconds"))),
        (status = 503, description = "Not kept, or unknown: repeat with the same event ids", body = ProblemBody,
            content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds"))),
    )
)]
pub(crate) async fn publish(State(api): State<Shared>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    if let Err(problem) = admit(&api, &headers) {
        body::discard(&headers, body).await;
        return Err(problem);
    }
    ::planted::panic_at(::planted::Place::Handler, &(&api.config, &api.appender, &api.store));
    let wait = Prefer::of(&headers).wait(&api.config.verdicts);
    let body = api.bodies.read(&headers, body).await?;
    let checking = Checking {
        partition_by: api.partition_by,
        partitions: planted::partitions(api.board.now().partitions),
        traceparent: traceparent(&headers),
        max_events: api.config.limits.max_events,
    };
    let (names, records, mut held) = check(checking, body.bytes, body.held).await?;
    // Before the records are appended: what is stored by now is none of them.
    let stored_before = api.verdicts.stored_before();
    let begun = Instant::now();
    let deliveries = api.appender.append(records).await.map_err(|error| refused(&error))?;
    api.metrics.append_seconds.record(begun.elapsed().as_secs_f64());
    let places = match kept(deliveries) {
        Ok(places) => places,
        Err(deliveries) => {
            let problem = not_kept(&names, deliveries, held);
            api.metrics.not_kept(&problem);
            return Err(problem);
        }
    };
    held.shrink_to(names.iter().map(answered_bytes).sum());
    Ok(answer(&api, Appended { names, places, held, stored_before }, wait).await)
}

fn admit(api: &Shared, headers: &HeaderMap) -> Result<(), Problem> {
    body::check_media_type(headers)?;
    match api.board.now().refusal() {
        Some(reason) => Err(Problem::LogNotReady(reason.to_string())),
        None => Ok(()),
    }
}

/// What checking needs beside the bytes.
struct Checking {
    partition_by: PartitionBy,
    /// How many the log is laid out in, whatever the broker has now; none while the database has not said.
    partitions: Option<i32>,
    traceparent: Option<String>,
    max_events: usize,
}

/// What the body takes is held until it is checked, also if the client has gone.
async fn check(
    checking: Checking,
    bytes: Bytes,
    held: Reserved,
) -> Result<(Vec<EventKey>, Vec<NewRecord>, Reserved), Problem> {
    let large = bytes.len() > INLINE_BYTES;
    let work = move || checking.check(&bytes).map(|(names, records)| (names, records, held));
    if !large {
        return work();
    }
    tokio::task::spawn_blocking(|| contained_here(work)).await.unwrap_or(Err(Problem::Internal))
}

impl Checking {
    /// The events' names and records, if all are valid.
    fn check(&self, bytes: &[u8]) -> Result<(Vec<EventKey>, Vec<NewRecord>), Problem> {
        ::planted::panic_at(::planted::Place::Body, &"a body");
        let events = event::body::parse(bytes, self.max_events)?;
        Ok(events.into_iter().map(|event| self.record(event)).unzip())
    }

    fn record(&self, event: Event) -> (EventKey, NewRecord) {
        let key = event.partition_key(self.partition_by);
        let record = NewRecord {
            partition: self.partitions.and_then(|count| partition_of(&key, count)),
            key,
            value: event.encode(),
            traceparent: self.traceparent.clone(),
        };
        ((event.topic, event.event_id), record)
    }
}

/// Nothing was appended.
fn refused(refused: &Refused) -> Problem {
    match refused {
        Refused::NoRoom { .. } => {
            Limit::QueueMax.hit();
            Problem::Busy("too many events await the log's confirmation")
        }
        Refused::RequestTooLarge { .. } | Refused::RecordTooLarge { .. } => Problem::TooLarge(refused.to_string()),
        Refused::Closed => Problem::LogNotReady("the server is shutting down".to_owned()),
    }
}

/// Where each record lies, if the log has confirmed all of them; else what became of each.
fn kept(deliveries: Vec<DeliveryOutcome>) -> Result<Vec<Position>, Vec<DeliveryOutcome>> {
    if !deliveries.iter().all(|delivery| matches!(delivery, DeliveryOutcome::Kept { .. })) {
        return Err(deliveries);
    }
    let place = |delivery| match delivery {
        DeliveryOutcome::Kept { partition, offset: Some(offset) } => Some((partition, offset)),
        _ => None,
    };
    Ok(deliveries.into_iter().map(place).collect())
}

/// Tells what became of each event; only how many there are of each kind, where there is no room for more.
fn not_kept(names: &[EventKey], deliveries: Vec<DeliveryOutcome>, mut held: Reserved) -> Problem {
    let (mut kept, mut not_kept, mut unknown) = (0, 0, 0);
    for delivery in &deliveries {
        match delivery {
            DeliveryOutcome::Kept { .. } => kept += 1,
            DeliveryOutcome::NotKept { .. } => not_kept += 1,
            DeliveryOutcome::Unknown { .. } => unknown += 1,
        }
    }
    let told: usize =
        names.iter().zip(&deliveries).map(|(name, delivery)| answered_bytes(name) + reason_bytes(delivery)).sum();
    // Of short events, more is told than they had sent.
    if held.grow(told.saturating_sub(held.bytes())).is_err() {
        Limit::BodyBudget.hit();
        return Problem::NotKept { kept, not_kept, unknown, events: Vec::new(), held };
    }
    let events = names.iter().zip(deliveries).map(|((topic, event_id), delivery)| {
        let (state, reason) = match delivery {
            DeliveryOutcome::Kept { .. } => (Known::Kept, None),
            DeliveryOutcome::NotKept { reason } => (Known::NotKept, Some(reason)),
            DeliveryOutcome::Unknown { reason } => (Known::Unknown, Some(reason)),
        };
        RecordState { topic: topic.to_string(), event_id: event_id.to_string(), state, reason }
    });
    Problem::NotKept { kept, not_kept, unknown, events: events.collect(), held }
}

fn reason_bytes(delivery: &DeliveryOutcome) -> usize {
    match delivery {
        DeliveryOutcome::Kept { .. } => 0,
        DeliveryOutcome::NotKept { reason } | DeliveryOutcome::Unknown { reason } => reason.len(),
    }
}

/// A request of which the log has confirmed every record.
struct Appended {
    names: Vec<EventKey>,
    places: Vec<Position>,
    /// Of the budget of all bodies, until the client has taken the answer.
    held: Reserved,
    /// How far its log had been stored before.
    stored_before: StoredBefore,
}

/// What an event takes while its verdict is waited for and told, about.
fn answered_bytes((topic, event_id): &EventKey) -> usize {
    const AROUND: usize = 96;
    topic.as_str().len() + event_id.as_str().len() + AROUND
}

/// 200 with the verdicts if they are known in time, else 202.
async fn answer(api: &Shared, kept: Appended, wait: Wait) -> Response {
    let Some(records) = appended(&kept.names, &kept.places) else {
        // The log did not tell all positions (or told them falsely): no verdict can be read by them.
        return queued(api, kept, wait);
    };
    let begun = Instant::now();
    let waited = api.verdicts.outcomes(Arc::clone(&records), wait.at_most, &kept.stored_before).await;
    api.metrics.verdict_wait_seconds.record(begun.elapsed().as_secs_f64());
    let Waited::Known(outcomes) = waited else {
        return queued(api, kept, wait);
    };
    let published = Published::new(&records, &outcomes);
    published.measure(&api.metrics);
    preferred(json(StatusCode::OK, &published, kept.held), wait)
}

fn appended(names: &[EventKey], places: &[Position]) -> Option<Arc<[AppendedRecord]>> {
    let records = names.iter().zip(places).map(|((topic, event_id), place)| {
        let (partition, offset) = (*place)?;
        Some(AppendedRecord { topic: topic.as_str().into(), event_id: event_id.as_str().into(), partition, offset })
    });
    records.collect()
}

fn queued(api: &Shared, kept: Appended, wait: Wait) -> Response {
    api.metrics.queued.increment(kept.names.len() as u64);
    preferred(json(StatusCode::ACCEPTED, &Queued::new(&kept.names, &kept.places), kept.held), wait)
}

/// Says which of the request's preferences was heeded.
fn preferred(mut response: Response, wait: Wait) -> Response {
    if let Some(applied) = wait.applied(response.status() == StatusCode::ACCEPTED) {
        response.headers_mut().insert(HeaderName::from_static(PREFERENCE_APPLIED), applied);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::time::Duration;

    use axum::response::IntoResponse;
    use event::{EventId, Topic};
    use hyper::body::Body as _;

    use super::*;
    use crate::http::byte_budget::ByteBudget;

    fn names(ids: &[&str]) -> Vec<EventKey> {
        ids.iter().map(|id| (Topic::parse("orders").unwrap(), EventId::parse(id).unwrap())).collect()
    }

    fn checking() -> Checking {
        Checking { partition_by: PartitionBy::Topic, partitions: Some(8), traceparent: None, max_events: 10 }
    }

    fn at(offset: i64) -> DeliveryOutcome {
        DeliveryOutcome::Kept { partition: 3, offset: Some(offset) }
    }

    #[test]
    fn records_are_keyed_as_configured_and_carry_the_event() {
        let body = br#"{"topic":"orders","event_id":"1","timestamp":"2025-10-24T15:12:30Z","source":"shop"}"#;

        let (names, records) = checking().check(body).unwrap();

        assert_eq!(names[0].1.as_str(), "1");
        assert_eq!(records[0].key, b"orders");
        assert_eq!(records[0].partition, partition_of(b"orders", 8));
        let unknown = Checking { partitions: None, ..checking() };
        assert_eq!(unknown.check(body).unwrap().1[0].partition, None, "as many as the broker has");
        assert_eq!(Event::parse(&records[0].value).unwrap().source.as_str(), "shop");
    }

    #[test]
    fn a_body_is_held_until_it_is_checked_also_if_the_client_has_gone() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (open, gate) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || gate.recv());
            let budget = ByteBudget::impatient(100);
            let large = Bytes::from(vec![b' '; INLINE_BYTES + 1]);

            let mut held = budget.share();
            held.grow(100).unwrap();
            let mut check = Box::pin(check(checking(), large, held));
            assert!(futures::poll!(&mut check).is_pending());
            drop(check);

            assert!(budget.share().grow(1).is_err(), "it waits for a thread, and is still in memory");
            open.send(()).unwrap();
            busy.await.unwrap().unwrap();
            let returned = async {
                while budget.share().grow(100).is_err() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), returned).await.unwrap();
        });
    }

    #[test]
    fn one_record_that_was_not_kept_fails_the_request_and_each_state_is_told() {
        let deliveries = vec![
            at(7),
            DeliveryOutcome::NotKept { reason: "no leader".into() },
            DeliveryOutcome::Unknown { reason: "no answer".into() },
        ];

        let budget = ByteBudget::impatient(10_000);
        let problem = not_kept(&names(&["a", "b", "c"]), kept(deliveries).unwrap_err(), budget.share());

        let Problem::NotKept { kept: 1, not_kept: 1, unknown: 1, events, held } = problem else {
            panic!("{problem:?}");
        };
        assert!(held.bytes() > 3 * "orders".len(), "what is told of them is held");
        let states: Vec<_> = events.iter().map(|event| (event.event_id.as_str(), event.state)).collect();
        assert_eq!(states, [("a", Known::Kept), ("b", Known::NotKept), ("c", Known::Unknown)]);
    }

    #[test]
    fn what_is_told_of_each_event_is_in_the_budget_or_left_out() {
        let deliveries = || (0..100).map(|_| DeliveryOutcome::Unknown { reason: "no answer".into() }).collect();
        let names = names(&["a"; 100]);
        let budget = ByteBudget::impatient(64 * 1024);
        let mut others = budget.share();
        others.grow(60 * 1024).unwrap();

        let problem = not_kept(&names, deliveries(), budget.share());
        let Problem::NotKept { kept: 0, not_kept: 0, unknown: 100, events, .. } = problem else {
            panic!("{problem:?}");
        };
        assert!(events.is_empty(), "there is no room for them");

        drop(others);
        let answer = not_kept(&names, deliveries(), budget.share()).into_response();
        let length = answer.size_hint().exact().unwrap() as usize;
        assert!(budget.share().grow(64 * 1024 - length / 2).is_err(), "it waits for its client");
        drop(answer);
        assert!(budget.share().grow(64 * 1024).is_ok());
    }

    #[test]
    fn without_all_positions_no_verdict_is_asked_for() {
        let names = names(&["a", "b"]);
        let believed = kept(vec![at(7), at(8)]).unwrap();
        let doubted = kept(vec![at(7), DeliveryOutcome::Kept { partition: 1, offset: None }]).unwrap();

        assert_eq!(appended(&names, &believed).unwrap().len(), 2);
        assert!(appended(&names, &doubted).is_none());
    }
}
