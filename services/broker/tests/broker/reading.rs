//! What is read, and what is said of it, is of the partition that it is said of.

use std::ops::Range;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use broker::consume::{ConsumerEvent, FailureKind, Reader, Settings, open};
use broker::{Appender, BrokerError, Config};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::kafka::{PATIENCE, all_delivered, client, eventually, ready, record};

fn settings(group: &str) -> Settings {
    Settings {
        instance_id: None,
        group: group.to_owned(),
        session_timeout: Duration::from_secs(6),
        release_within: Duration::from_secs(1),
        queue_bytes: 1 << 20,
        fetch_bytes: 1 << 20,
    }
}

/// A reader of both partitions, which are not started yet.
fn reader(config: &Config) -> (Reader, Receiver<ConsumerEvent>) {
    let (sender, events) = mpsc::channel();
    let reader = open(config, &settings(&config.topic), move |event| drop(sender.send(event))).unwrap();
    let mut assigned = Vec::new();
    until(&events, |event| {
        if let ConsumerEvent::Assigned(partitions) = event {
            assigned.extend_from_slice(partitions);
        }
        assigned.len() == 2
    });
    (reader, events)
}

fn until(events: &Receiver<ConsumerEvent>, mut is_it: impl FnMut(&ConsumerEvent) -> bool) -> ConsumerEvent {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let event = events.recv_timeout(deadline.saturating_duration_since(Instant::now())).expect("an event");
        if is_it(&event) {
            return event;
        }
    }
}

/// So many records of the partition, under this epoch.
fn arrive(events: &Receiver<ConsumerEvent>, (partition, epoch): (i32, u64), mut count: usize) {
    until(events, |event| {
        if let ConsumerEvent::Records(records) = event {
            count -= records.iter().filter(|record| (record.partition, record.epoch) == (partition, epoch)).count();
        }
        count == 0
    });
}

/// The positions of what was appended: `(partition, offset)`.
async fn filled(appender: &Appender, count: usize) -> Vec<(i32, i64)> {
    let records: Vec<_> = (0..count).map(|n| record(&n.to_string(), &format!("value {n}"))).collect();
    let outcomes = appender.append(records).await.unwrap();
    let positions = outcomes.iter().map(|outcome| match outcome {
        broker::DeliveryOutcome::Kept { partition, offset: Some(offset) } => (*partition, *offset),
        other => panic!("{other:?}"),
    });
    positions.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_range_is_told_with_its_partition_and_the_others_are_read_on() {
    let (config, _log) = ready(2).await;
    let appender = Appender::open(&config).unwrap();
    let of = |all: &[(i32, i64)], partition| all.iter().filter(|(of, _)| *of == partition).count();
    let first = filled(&appender, 40).await;
    let (reader, events) = reader(&config);

    let epochs = [reader.start(0, 0), reader.start(1, 1_000)];

    let told = until(&events, |event| matches!(event, ConsumerEvent::OutOfRange { .. }));
    assert!(matches!(told, ConsumerEvent::OutOfRange { partition: 1, epoch } if epoch == epochs[1]), "{told:?}");
    let again = reader.start(1, 0);
    arrive(&events, (1, again), of(&first, 1));
    let second = filled(&appender, 40).await;
    arrive(&events, (0, epochs[0]), of(&second, 0));
    all_delivered(&appender).await;
    reader.close(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_records_are_read_where_they_are_and_nowhere_else() {
    let (config, log) = ready(2).await;
    let appender = Appender::open(&config).unwrap();
    let positions = filled(&appender, 40).await;
    let [first, last] = [0, 1].map(|partition| positions.iter().rfind(|(of, _)| *of == partition).copied().unwrap());

    let found = log.records_at("nobody", &[first, (last.0, last.1 + 1)]).await.unwrap();
    assert_eq!(found.len(), 1, "behind the last record there is none: {found:?}");
    assert_eq!((found[0].partition, found[0].offset), first);
    let number = positions.iter().position(|position| *position == first).unwrap();
    assert_eq!(found[0].key, Some(number.to_string().into_bytes()));
    assert_eq!(found[0].value, Some(format!("value {number}").into_bytes()));

    let beyond = log.records_at("nobody", &[(0, 1_000_000)]).await;
    assert!(matches!(beyond, Err(BrokerError::Unreachable { .. })), "not taken for an answer: {beyond:?}");
    eventually("the group has no members", || async {
        log.group("nobody").await.is_ok_and(|group| group.members == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_unpacked_stops_its_partition_and_the_others_are_read_on() {
    let (config, log) = ready(2).await;
    let appender = Appender::open(&config).unwrap();
    let first = filled(&appender, 40).await;
    let of = |all: &[(i32, i64)], partition| all.iter().filter(|(of, _)| *of == partition).count();
    // librdkafka unpacks zstd up to 100 MB.
    let too_large = in_one_batch(&config, 0, 150).await;
    let (reader, events) = reader(&config);

    let epochs = [reader.start(0, 0), reader.start(1, 0)];

    let (mut left, mut failed) = ([of(&first, 0), of(&first, 1)], None);
    until(&events, |event| {
        match event {
            ConsumerEvent::Records(records) => {
                records.iter().for_each(|record| left[usize::try_from(record.partition).unwrap()] -= 1);
            }
            ConsumerEvent::PartitionFailed(failure) => {
                assert_eq!(left[0], 0, "what came before it is handed over first");
                failed = Some(failure.clone());
            }
            _ => {}
        }
        left == [0, 0] && failed.is_some()
    });
    let failure = failed.unwrap();
    let (is_of, offset) = ((failure.partition, failure.epoch), failure.offset);
    assert_eq!((is_of, offset, failure.kind), ((0, epochs[0]), Some(too_large.start), FailureKind::Unreadable));
    let second = filled(&appender, 40).await;
    arrive(&events, (1, epochs[1]), of(&second, 1));
    for offset in [too_large.start, too_large.end - 1] {
        let reason = log.unreadable_at("nobody", 0, offset).await.unwrap();
        assert!(reason.is_some_and(|reason| reason.contains("Decompression")), "{offset}");
    }
    for offset in [too_large.start - 1, too_large.end] {
        assert_eq!(log.unreadable_at("nobody", 0, offset).await.unwrap(), None, "{offset}");
    }
    let behind = reader.start(0, too_large.end);
    arrive(&events, (0, behind), of(&second, 0));
    all_delivered(&appender).await;
    reader.close(PATIENCE).await;
}

/// Appends so many records of 1 MB in one batch that zstd packs well. Gives their offsets.
async fn in_one_batch(config: &Config, partition: i32, count: usize) -> Range<i64> {
    let mut producer = client(config);
    let producer: FutureProducer = producer
        .set("compression.type", "zstd")
        .set("message.max.bytes", "1000000000")
        .set("batch.size", "1000000000")
        .set("linger.ms", "5000")
        .create()
        .unwrap();
    let value = vec![b'x'; 1_000_000];
    let sent = (0..count).map(|_| {
        let record = FutureRecord::<[u8], [u8]>::to(&config.topic).partition(partition).payload(&value);
        producer.send_result(record).map_err(|(error, _)| error).unwrap()
    });
    let sent: Vec<_> = sent.collect();
    let mut offsets = Vec::new();
    for report in sent {
        offsets.push(report.await.unwrap().unwrap().offset);
    }
    offsets[0]..offsets[0] + count as i64
}
