//! Without a broker every answer still comes, in bounded time, and claims nothing.

use std::time::{Duration, Instant};

use broker::{Appender, BrokerError, Config, Fate, LogClient};
use rdkafka::mocking::MockCluster;

use crate::kafka::{all_delivered, read_while, record};

/// A port that nobody listens on.
fn nowhere() -> Config {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Config::new(free.to_string(), "events")
}

/// A port that takes connections and never answers, as a stopped process does.
fn silent() -> (Config, std::net::TcpListener) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    (Config::new(listener.local_addr().unwrap().to_string(), "events"), listener)
}

async fn answers_without_claiming(config: &Config) {
    let appender = Appender::open(config).unwrap();
    let begin = Instant::now();
    let fates = appender.append(vec![record("a", "1"); 3]).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(7), "{:?}", begin.elapsed());
    assert_eq!(fates.len(), 3);
    assert!(!fates.iter().any(|fate| matches!(fate, Fate::Kept { .. })), "{fates:?}");
    all_delivered(&appender).await;
    assert_eq!(appender.queued().bytes, 0);
    let begin = Instant::now();
    appender.close(Duration::from_secs(1)).await;
    assert!(begin.elapsed() < Duration::from_secs(2));
}

async fn is_told_unreachable(config: &Config) {
    let log = LogClient::open(config).unwrap();
    let begin = Instant::now();
    let (identity, marks, group, topic) =
        tokio::join!(log.identity(), log.watermarks(), log.group("g"), log.ensure_topic());
    assert!(begin.elapsed() < Duration::from_secs(7), "{:?}", begin.elapsed());
    for error in [identity.err(), marks.err(), group.err(), topic.err()] {
        let error = error.expect("nobody was there to answer");
        assert!(matches!(error, BrokerError::Unreachable { .. }) && error.is_transient(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_connections_is_not_waited_for() {
    let config = nowhere();
    tokio::join!(answers_without_claiming(&config), is_told_unreachable(&config));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_silent_is_not_waited_for() {
    let (config, _listener) = silent();
    tokio::join!(answers_without_claiming(&config), is_told_unreachable(&config));
}

/// A record is refused by a broker that has just lost the partition, and before it is sent again the
/// next one is taken. librdkafka's own broker takes any sequence number, as a real one does where it
/// knows nothing of the producer; and no real one can be made to lose a partition at the right moment.
/// Gives the fates of both records, and what lies in the log.
async fn overtaken() -> ([Fate; 2], Vec<String>) {
    let brokers = MockCluster::new(2).unwrap();
    let config = Config { partitions: 1, ..Config::new(brokers.bootstrap_servers(), "events") };
    brokers.create_topic("events", 1, 1).unwrap();
    brokers.partition_leader("events", 0, Some(1)).unwrap();
    let appender = Appender::open(&config).unwrap();
    let append = |value| {
        let appender = appender.clone();
        tokio::spawn(async move { appender.append(vec![record("k", value)]).await.unwrap().remove(0) })
    };
    let warm = append("warm").await.unwrap();
    assert!(matches!(warm, Fate::Kept { .. }), "{warm:?}");
    for broker in [1, 2] {
        brokers.broker_round_trip_time(broker, Duration::from_millis(400)).unwrap();
    }
    brokers.partition_leader("events", 0, Some(2)).unwrap();
    let first = append("first");
    tokio::time::sleep(Duration::from_millis(100)).await;
    brokers.partition_leader("events", 0, Some(1)).unwrap();
    let second = append("second");
    let fates = [first.await.unwrap(), second.await.unwrap()];
    for broker in [1, 2] {
        brokers.broker_round_trip_time(broker, Duration::ZERO).unwrap();
    }
    let last = append("last").await.unwrap();
    assert!(matches!(last, Fate::Kept { .. }), "{last:?}");
    let log = read_while(&config, |found| found.iter().all(|record| record.value != "last"));
    (fates, log.into_iter().map(|record| record.value).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_was_only_inferred_is_unknown() {
    for _ in 0..20 {
        let (fates, log) = overtaken().await;
        for (fate, value) in fates.iter().zip(["first", "second"]) {
            let kept = matches!(fate, Fate::Kept { .. });
            assert!(!kept || log.contains(&value.to_owned()), "{value} was said to be kept, the log holds {log:?}");
        }
        if matches!(fates, [Fate::Unknown { .. }, Fate::Kept { .. }]) && !log.contains(&"first".to_owned()) {
            return;
        }
        println!("not overtaken: {fates:?}, {log:?}");
    }
    panic!("it was never overtaken");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_librdkafka_refuses_are_told_at_once() {
    let mut config = nowhere();
    config.properties = vec![("security.protocol".into(), "nonsense".into())];
    assert!(matches!(Appender::open(&config), Err(BrokerError::Settings { .. })));
    assert!(matches!(LogClient::open(&config), Err(BrokerError::Settings { .. })));
}
