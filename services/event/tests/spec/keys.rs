//! Under which key an event is in the log.

use event::{Event, PartitionBy};
use serde_json::json;

fn event(topic: &str, event_id: &str) -> Event {
    let event = json!({"topic": topic, "event_id": event_id, "timestamp": "2025-10-24T15:12:30Z", "source": "shop"});
    Event::parse(event.to_string().as_bytes()).unwrap()
}

#[test]
fn the_key_of_a_topic_is_its_name_and_of_an_event_both_names_apart() {
    assert_eq!(event("orders", "7").partition_key(PartitionBy::Topic), b"orders");
    assert_eq!(event("orders", "7").partition_key(PartitionBy::Event), b"orders\x007");
    let (a, ab) = (event("a", "bc"), event("ab", "c"));
    assert_ne!(a.partition_key(PartitionBy::Event), ab.partition_key(PartitionBy::Event));
}

#[test]
fn what_decides_is_named_as_the_settings_and_the_database_name_it() {
    assert_eq!(PartitionBy::ALL.map(PartitionBy::as_str), ["topic", "event"]);
    assert_eq!(PartitionBy::default(), PartitionBy::Topic);
}
