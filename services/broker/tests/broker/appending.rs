//! What is appended is where and what the answer says.

use std::collections::HashMap;
use std::time::Duration;

use broker::{Appender, BrokerError, Config, DeliveryOutcome, MAX_RECORD_BYTES, NewRecord, Refused, partition_of};
use tokio::task::JoinHandle;

use crate::kafka::{all_delivered, delete, eventually, length, read, ready, record};

fn place(outcome: &DeliveryOutcome) -> (i32, i64) {
    match outcome {
        DeliveryOutcome::Kept { partition, offset: Some(offset) } => (*partition, *offset),
        other => panic!("not kept at a known place: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_found_where_the_fates_say_with_key_value_and_headers() {
    let (config, _log) = ready(4).await;
    let appender = Appender::open(&config).unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut records: Vec<NewRecord> =
        (0..200).map(|n| record(&format!("key {}", n % 20), &format!("value {n}"))).collect();
    records[7].traceparent = Some(trace.into());

    let outcomes = appender.append(records.clone()).await.unwrap();

    let found: HashMap<_, _> = read(&config, 200).into_iter().map(|f| ((f.partition, f.offset), f)).collect();
    assert_eq!((outcomes.len(), found.len()), (200, 200));
    for (index, (record, outcome)) in records.iter().zip(&outcomes).enumerate() {
        let there = &found[&place(outcome)];
        assert_eq!(there.value.as_bytes(), record.value);
        assert_eq!(there.key.as_bytes(), record.key);
        let mut headers = vec![("schema".to_owned(), "1".to_owned())];
        if index == 7 {
            headers.push(("traceparent".to_owned(), trace.to_owned()));
        }
        assert_eq!(there.headers, headers);
    }
    assert_eq!(appender.queued().messages, 0);
    assert_eq!(appender.queued().bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_key_keep_the_order_of_the_request() {
    let (config, _log) = ready(4).await;
    let appender = Appender::open(&config).unwrap();
    for request in 0..5 {
        let records = (0..1000).map(|n| record("one key", &format!("{request}/{n}"))).collect();
        let outcomes = appender.append(records).await.unwrap();
        let places: Vec<_> = outcomes.iter().map(place).collect();
        let first = places[0];
        assert_eq!(first.1, request * 1000);
        assert!(places.iter().zip(first.1..).all(|(place, o)| *place == (first.0, o)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_where_the_client_would_send_it() {
    for partitions in [1, 3, 8, 12] {
        let (config, _log) = ready(partitions).await;
        let appender = Appender::open(&config).unwrap();
        let keys: Vec<String> = (0..500).map(|n| format!("{}{n}", "ключ-".repeat(n % 7))).collect();
        let records = keys.iter().map(|key| record(key, "1")).collect();

        let outcomes = appender.append(records).await.unwrap();

        for (key, outcome) in keys.iter().zip(&outcomes) {
            assert_eq!(partition_of(key.as_bytes(), partitions), Some(place(outcome).0), "{key} of {partitions}");
        }
    }
}

fn to(partition: i32) -> NewRecord {
    NewRecord { partition: Some(partition), ..record("one key", "1") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_not_there_is_not_kept() {
    let (config, log) = ready(3).await;
    let appender = Appender::open(&config).unwrap();
    // First while the client has yet to hear of the topic, then when it knows it.
    for round in 0..2 {
        let outcomes = appender.append(vec![to(2), to(0), to(1), to(3)]).await.unwrap();

        assert_eq!([0, 1, 2].map(|n: usize| place(&outcomes[n])), [(2, round), (0, round), (1, round)]);
        assert!(matches!(outcomes[3], DeliveryOutcome::NotKept { .. }), "{outcomes:?}");
    }
    assert_eq!(length(&log).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_are_each_told_of_their_own_records() {
    let (config, _log) = ready(4).await;
    let appender = Appender::open(&config).unwrap();
    let requests: Vec<_> = (0..50)
        .map(|request| {
            let appender = appender.clone();
            tokio::spawn(async move {
                let values: Vec<String> = (0..40).map(|n| format!("{request}/{n}")).collect();
                let records = values.iter().map(|v| record(v, v)).collect();
                let outcomes = appender.append(records).await.unwrap();
                values.into_iter().zip(outcomes.iter().map(place)).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut told = HashMap::new();
    for request in requests {
        told.extend(request.await.unwrap());
    }
    let found = read(&config, 2000);
    assert_eq!(found.len(), 2000);
    for there in found {
        assert_eq!(told[&there.value], (there.partition, there.offset));
    }
}

/// A request for so many records, which are in the queue.
async fn queued(appender: &Appender, records: usize) -> JoinHandle<Result<Vec<DeliveryOutcome>, Refused>> {
    let request = tokio::spawn({
        let appender = appender.clone();
        async move { appender.append(vec![record("a", "1"); records]).await }
    });
    while appender.queued().messages == 0 {
        tokio::task::yield_now().await;
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_for_all_nothing_is_appended() {
    let (mut config, log) = ready(1).await;
    config.budget_messages = 10;
    // Nothing is reported on before that, so the first request holds its room.
    config.linger = Duration::from_millis(1500);
    let appender = Appender::open(&config).unwrap();
    let first = queued(&appender, 8).await;

    let refused = appender.append(vec![record("a", "2"); 3]).await;
    assert!(matches!(refused, Err(Refused::NoRoom { messages: 8, .. })), "{refused:?}");

    assert_eq!(first.await.unwrap().unwrap().len(), 8);
    assert_eq!(length(&log).await, 8);
    assert_eq!(appender.append(vec![record("a", "2"); 3]).await.unwrap().len(), 3);
    assert_eq!(length(&log).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_takes_nothing_back_and_its_room_returns() {
    let (mut config, log) = ready(1).await;
    config.linger = Duration::from_millis(300);
    let appender = Appender::open(&config).unwrap();
    let request = queued(&appender, 5).await;
    request.abort();
    assert_eq!(appender.queued().messages, 5);
    all_delivered(&appender).await;
    assert_eq!(length(&log).await, 5);
}

/// Bytes that no compression makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_record_is_kept_and_a_larger_one_refused() {
    let (config, log) = ready(1).await;
    let appender = Appender::open(&config).unwrap();
    let frame = "schema1".len() + 1;
    let of = |length| NewRecord { value: noise(length), ..record("k", "") };

    let outcomes = appender.append(vec![of(MAX_RECORD_BYTES - frame)]).await.unwrap();
    assert_eq!(place(&outcomes[0]), (0, 0));

    let refused = appender.append(vec![record("k", "small"), of(MAX_RECORD_BYTES)]).await;
    assert!(matches!(refused, Err(Refused::RecordTooLarge { index: 1, .. })), "{refused:?}");
    assert_eq!(length(&log).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_what_is_under_way() {
    let (mut config, log) = ready(1).await;
    config.linger = Duration::from_millis(300);
    let outcomes = loop {
        let appender = Appender::open(&config).unwrap();
        let request = queued(&appender, 5).await;
        appender.close(Duration::from_secs(10)).await;
        // Closed between the reservation and the hand-over, it is refused as a whole: nothing was under way.
        match request.await.unwrap() {
            Err(Refused::Closed) => {}
            done => break done.unwrap(),
        }
    };
    assert!(outcomes.iter().all(|outcome| matches!(outcome, DeliveryOutcome::Kept { .. })), "{outcomes:?}");
    assert_eq!(length(&log).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_not_created_by_the_way() {
    let config = crate::kafka::config(1);
    let appender = Appender::open(&config).unwrap();
    let outcomes = appender.append(vec![record("a", "1")]).await.unwrap();
    assert!(matches!(outcomes[..], [DeliveryOutcome::NotKept { .. }]), "{outcomes:?}");
    let log = broker::LogClient::open(&Config { ..config }).unwrap();
    assert!(matches!(log.identity().await, Err(BrokerError::NoTopic { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn appending_goes_on_in_a_topic_that_was_created_again() {
    let (config, log) = ready(2).await;
    let appender = Appender::open(&config).unwrap();
    let before = appender.append(vec![record("a", "1"); 3]).await.unwrap();
    assert_eq!(place(&before[0]).1, 0);
    delete(&config).await;
    eventually("the topic is gone", || async { matches!(log.identity().await, Err(BrokerError::NoTopic { .. })) })
        .await;
    log.ensure_topic().await.unwrap();
    eventually("records are kept again", || async {
        let outcomes = appender.append(vec![record("a", "2")]).await.unwrap();
        matches!(outcomes[..], [DeliveryOutcome::Kept { .. }])
    })
    .await;
    assert!(length(&log).await >= 1);
}
