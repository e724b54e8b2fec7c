//! What holds of all clients.

use std::time::Duration;

use crate::{Appender, Config, LogClient, set_by};

/// Those that are set before the operator's, which win over them.
fn tuning() -> Vec<String> {
    let mut config = Config::new("a:1", "events");
    let ours = config.client();
    config.properties = ours.config_map().keys().map(|name| ((*name).to_owned(), "theirs".to_owned())).collect();
    let theirs = config.client();
    let wins = |name: &&&str| theirs.get(name) == Some("theirs");
    ours.config_map().keys().filter(wins).map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_property_that_is_set_whatever_an_operator_says_has_an_owner() {
    let (config, tuning) = (Config::new("a:1", "events"), tuning());
    assert!(tuning.len() > 5 && !tuning.contains(&"bootstrap.servers".to_owned()), "{tuning:?}");
    let settings = crate::consume::Settings {
        group: "g".to_owned(),
        instance_id: Some("i".to_owned()),
        session_timeout: Duration::from_secs(6),
        release_within: Duration::from_secs(1),
        queue_bytes: 1 << 20,
        fetch_bytes: 1 << 20,
    };
    for client in [crate::append::client_config(&config), crate::consume::client_config(&config, &settings)] {
        for name in client.config_map().into_keys().filter(|name| !tuning.iter().any(|tuned| tuned == name)) {
            assert!(set_by(name).is_some(), "{name} is set, and an operator could set it in vain");
        }
    }
}

#[test]
fn a_secret_is_never_printed() {
    let mut config = Config::new("a:1", "events");
    config.properties = vec![("sasl.password".into(), "hunter2".into())];
    let (client, appender) = (LogClient::open(&config).unwrap(), Appender::open(&config).unwrap());
    let printed = format!("{config:?} {client:?} {appender:?}");
    assert!(printed.contains("sasl.password") && !printed.contains("hunter2"));
}
