//! Without a broker every answer still comes, in bounded time, and claims nothing.

use std::time::{Duration, Instant};

use broker::{Appender, BrokerError, Config, DeliveryOutcome, LogClient};

use crate::kafka::{all_delivered, record};

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
    let outcomes = appender.append(vec![record("a", "1"); 3]).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(7), "{:?}", begin.elapsed());
    assert_eq!(outcomes.len(), 3);
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, DeliveryOutcome::Kept { .. })), "{outcomes:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_librdkafka_refuses_are_told_at_once() {
    let mut config = nowhere();
    config.properties = vec![("security.protocol".into(), "nonsense".into())];
    assert!(matches!(Appender::open(&config), Err(BrokerError::Settings { .. })));
    assert!(matches!(LogClient::open(&config), Err(BrokerError::Settings { .. })));
}
