//! What the group says of a member that it does not take.

use std::sync::mpsc;
use std::time::Duration;

use broker::consume::{ConsumerEvent, Settings, open};

use crate::kafka::{PATIENCE, ready};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_broker_does_not_take_is_said_with_the_setting() {
    let (config, _log) = ready(1).await;
    let settings = Settings {
        group: config.topic.clone(),
        instance_id: None,
        session_timeout: Duration::from_millis(100),
        release_within: Duration::from_secs(1),
        queue_bytes: 1 << 20,
        fetch_bytes: 1 << 20,
    };
    let (tell, told) = mpsc::channel();
    let sink = move |event| {
        if let ConsumerEvent::Failed(reason) = event {
            let _ = tell.send(reason);
        }
    };

    let _reader = open(&config, &settings, sink).unwrap();

    let reason = told.recv_timeout(PATIENCE).unwrap();
    assert!(reason.contains("KAFKA_SESSION_TIMEOUT") && reason.contains("group.min.session.timeout.ms"), "{reason}");
}
