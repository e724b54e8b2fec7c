//! What can be shown without a broker: refusals, and a producer that breaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Instant;

use super::*;
use crate::MAX_RECORD_BYTES;

/// An appender whose broker is a port that nobody listens on.
fn appender(messages: usize, bytes: usize) -> Appender {
    let mut config = Config::new("127.0.0.1:1", "events");
    (config.budget_messages, config.budget_bytes) = (messages, bytes);
    Appender::open(&config).unwrap()
}

fn records(count: usize) -> Vec<NewRecord> {
    vec![NewRecord { key: b"k".to_vec(), partition: None, value: b"{}".to_vec(), traceparent: None }; count]
}

fn none_kept(outcomes: &[DeliveryOutcome]) -> bool {
    !outcomes.iter().any(|outcome| matches!(outcome, DeliveryOutcome::Kept { .. }))
}

/// Starts a request and returns once it is under way.
async fn under_way(appender: &Appender, count: usize) -> tokio::task::JoinHandle<Vec<DeliveryOutcome>> {
    let before = appender.queued().messages;
    let task = tokio::spawn({
        let appender = appender.clone();
        async move { appender.append(records(count)).await.unwrap() }
    });
    while appender.queued().messages == before {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn nothing_of_a_refused_request_is_appended() {
    let appender = appender(10, 1000);
    assert!(matches!(
        appender.append(records(11)).await,
        Err(Refused::RequestTooLarge { messages: 11, max_messages: 10, .. })
    ));
    let mut one_too_large = records(3);
    one_too_large[1].value = vec![b'x'; MAX_RECORD_BYTES + 1];
    assert!(matches!(appender.append(one_too_large).await, Err(Refused::RecordTooLarge { index: 1, .. })));
    let first = under_way(&appender, 8).await;
    assert!(matches!(appender.append(records(3)).await, Err(Refused::NoRoom { messages: 8, .. })));
    assert_eq!(appender.queued().messages, 8);
    first.abort();
}

#[tokio::test]
async fn a_request_without_records_needs_nothing() {
    assert_eq!(appender(0, 0).append(Vec::new()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_fatal_error_ends_the_wait_at_once_claims_nothing_and_brings_a_new_producer() {
    let appender = appender(100, 10_000);
    let in_flight = under_way(&appender, 3).await;
    let broken = appender.producer().unwrap().unwrap();

    let begin = Instant::now();
    broken.break_it();
    let outcomes = in_flight.await.unwrap();

    assert_eq!(outcomes.len(), 3);
    assert!(none_kept(&outcomes), "{outcomes:?}");
    assert!(begin.elapsed() < Duration::from_secs(2), "told at once, not at the end of the wait");
    assert_eq!(appender.queued(), Queued::default());
    let next = appender.producer().unwrap().unwrap();
    assert_eq!((broken.number(), next.number()), (1, 2));
    assert_eq!(next.broken(), None);
}

#[tokio::test]
async fn a_broken_producer_takes_no_more_records_and_says_so() {
    let appender = appender(100, 10_000);
    let broken = appender.producer().unwrap().unwrap();
    broken.break_it();
    let need = Queued { messages: 2, bytes: 2 };
    let room = appender.reserve(need).unwrap();
    let departed = appender.hand_over(&broken, &records(2), room);
    let outcomes = outcomes(&appender.0.requests.reports(departed, DELIVERY_WAIT).await);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, DeliveryOutcome::NotKept { .. })), "{outcomes:?}");
}

#[tokio::test]
async fn closing_ends_in_time_and_tells_those_who_wait() {
    let appender = appender(100, 10_000);
    let waiting = under_way(&appender, 2).await;

    let begin = Instant::now();
    appender.close(Duration::from_millis(200)).await;
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(appender.append(records(1)).await, Err(Refused::Closed));

    let outcomes = waiting.await.unwrap();
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, DeliveryOutcome::Kept { .. })), "{outcomes:?}");
    assert!(begin.elapsed() < Duration::from_secs(4), "the producer's end reports what is left");
    assert_eq!(appender.queued(), Queued::default());
}
