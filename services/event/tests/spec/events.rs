//! One event: how it is read and how it is written.

use event::{Event, MAX_EVENT_BYTES, Payload};
use serde_json::{Value, json};

use crate::told;

fn sample() -> Value {
    json!({
        "topic": "orders",
        "event_id": "o-1",
        "timestamp": "2025-10-24T15:12:30Z",
        "source": "shop",
        "payload": {"total": 12.5},
    })
}

fn sample_with(member: &str, value: Value) -> Value {
    let mut event = sample();
    event[member] = value;
    event
}

fn parse(event: &Value) -> Result<Event, Vec<String>> {
    Event::parse(event.to_string().as_bytes()).map_err(|errors| told(&errors))
}

fn errors(json: &str) -> Vec<String> {
    told(&Event::parse(json.as_bytes()).unwrap_err())
}

/// The only error of an event whose one member has this JSON text.
#[track_caller]
fn error_of(member: &str, text: &str) -> String {
    let mut event = sample();
    event.as_object_mut().unwrap().remove(member);
    let event = event.to_string();
    let errors = errors(&format!(r#"{{"{member}":{text},{}"#, &event[1..]));
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].clone()
}

#[test]
fn an_event_is_read() {
    let event = parse(&sample()).unwrap();
    assert_eq!(event.topic.as_str(), "orders");
    assert_eq!(event.event_id.as_str(), "o-1");
    assert_eq!(event.timestamp.to_string(), "2025-10-24T15:12:30Z");
    assert_eq!(event.source.as_str(), "shop");
    assert_eq!(event.payload.as_str(), r#"{"total":12.5}"#);
}

#[test]
fn the_wire_form_is_plain_json_with_the_payload_as_sent() {
    let sent = r#" {"payload": {"b": 1.10, "a": "\u00e9"}, "source":"s\u0008\"", "trace": [1],
        "timestamp":"2025-10-24 22:12:30,25+07", "event_id":"\ud83e\udd80", "topic":"a\/b"} "#;
    let wire = r#"{"topic":"a/b","event_id":"🦀","timestamp":"2025-10-24T15:12:30.250Z","source":"s\b\"","payload":{"b": 1.10, "a": "\u00e9"}}"#;
    let event = Event::parse(sent.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(event.encode()).unwrap(), wire);
    assert_eq!(event.encoded_len(), wire.len());
    assert_eq!(Event::parse(wire.as_bytes()), Ok(event));
}

#[test]
fn an_absent_payload_is_an_empty_object() {
    let mut event = sample();
    event.as_object_mut().unwrap().remove("payload");
    assert_eq!(parse(&event).unwrap().payload, Payload::default());
}

#[test]
fn unknown_members_are_ignored_whatever_they_hold() {
    for value in ["1e999", "null", r#""\ud800\u0000""#, &("[".repeat(10_000) + &"]".repeat(10_000))] {
        let json = format!(r#"{{"extra":{value},"events":{value},"#) + &sample().to_string()[1..];
        let event = Event::parse(json.as_bytes());
        assert_eq!(event.as_ref(), Ok(&parse(&sample()).unwrap()), "{json}");
    }
}

#[test]
fn of_repeated_members_the_last_counts() {
    let sample = sample().to_string();
    let json = format!(r#"{{"topic":7,"payload":[],{}"#, &sample[1..]);
    assert_eq!(Event::parse(json.as_bytes()), Event::parse(sample.as_bytes()));
    let json = format!(r#"{},"topic":7}}"#, &sample[..sample.len() - 1]);
    assert_eq!(errors(&json), ["/topic: must be a string"]);
}

#[test]
fn a_member_may_be_written_with_escapes() {
    let json = sample().to_string().replace(r#""topic""#, r#""\u0074opic""#);
    assert!(Event::parse(json.as_bytes()).is_ok());
}

#[test]
fn every_fault_is_told_at_once() {
    let json = r#"{"topic": "", "event_id": 1, "timestamp": "today", "payload": null}"#;
    assert_eq!(
        errors(json),
        [
            "/topic: must not be blank",
            "/event_id: must be a string",
            "/timestamp: must be an ISO 8601 date and time such as 2025-10-24T15:12:30Z",
            "/source: is missing",
            "/payload: must be an object",
        ]
    );
}

#[test]
fn a_name_is_a_string_of_1_to_255_characters() {
    for member in ["topic", "event_id", "source"] {
        let longest = sample_with(member, "é".repeat(255).into());
        assert!(parse(&longest).is_ok());
        for (text, detail) in [
            ("null", "must be a string"),
            ("7", "must be a string"),
            (r#"["a"]"#, "must be a string"),
            (r#""""#, "must not be blank"),
            (r#"" \t\u3000""#, "must not be blank"),
            (r#""a\u0000""#, "must not contain U+0000"),
            (r#""\ud800""#, "must not contain half of a surrogate pair"),
            (&format!(r#""{}""#, "é".repeat(256)), "must have at most 255 characters, has 256"),
        ] {
            assert_eq!(error_of(member, text), format!("/{member}: {detail}"));
        }
    }
}

#[test]
fn a_timestamp_is_a_string() {
    for text in ["null", "1761318750", "{}"] {
        assert_eq!(error_of("timestamp", text), "/timestamp: must be a string");
    }
    assert_eq!(
        error_of("timestamp", r#""0000-01-01T00:00:00Z""#),
        "/timestamp: must lie within the years 0001 to 9999, as written and in UTC"
    );
}

#[test]
fn a_payload_is_an_object() {
    for text in ["null", "[]", r#""{}""#, "1", "true"] {
        assert_eq!(error_of("payload", text), "/payload: must be an object");
    }
}

#[test]
fn a_fault_in_a_payload_is_pointed_to() {
    for (text, error) in [
        (r#"{"a":[0,{"b/c":1e309}]}"#, "/payload/a/1/b~1c: must have an exponent from -308 to 308"),
        (r#"{"a":{"b":"\u0000"}}"#, "/payload/a/b: must not contain U+0000"),
        (r#"{"a":{"\ud800":1}}"#, "/payload/a: must not contain half of a surrogate pair"),
    ] {
        assert_eq!(error_of("payload", text), error);
    }
    let digits = format!(r#"{{"n":{}}}"#, "1".repeat(65));
    assert_eq!(error_of("payload", &digits), "/payload/n: must have at most 64 digits, has 65");
    let deep = r#"{"a":"#.repeat(10_000) + "1" + &"}".repeat(10_000);
    let error = format!("/payload{}: must not nest more than 64 objects and arrays", "/a".repeat(64));
    assert_eq!(error_of("payload", &deep), error);
}

#[test]
fn what_is_no_object_is_no_event() {
    for json in ["[]", "1", "null", r#""{}""#, " [{}] "] {
        assert_eq!(errors(json), [": must be an object"]);
    }
    for json in ["", " \n"] {
        assert_eq!(errors(json), [": is empty, must be a JSON object"]);
    }
}

#[test]
fn what_is_no_json_is_told_with_line_column_and_what_was_expected() {
    for (json, error) in [
        ("{", ": is not JSON: EOF while parsing an object at line 1 column 1"),
        ("{\"topic\":\n 1 2}", ": is not JSON: expected `,` or `}` at line 2 column 4"),
        ("{} x", ": is not JSON: trailing characters at line 1 column 4"),
        ("hello", ": is not JSON: expected value at line 1 column 1"),
        ("\u{feff}{}", ": is not JSON: it begins with a byte order mark"),
    ] {
        assert_eq!(errors(json), [error]);
    }
    let latin = told(&Event::parse(b"{\"topic\":\"caf\xe9\"}").unwrap_err());
    assert_eq!(latin, [": is not JSON: byte 13 is not UTF-8"]);
}

#[test]
fn a_record_larger_than_the_largest_event_is_refused_unread() {
    let mut record = sample().to_string();
    record.push_str(&" ".repeat(MAX_EVENT_BYTES - record.len()));
    assert!(Event::parse(record.as_bytes()).is_ok());
    record.push(' ');
    assert_eq!(errors(&record), [": must have at most 1048576 bytes, has 1048577"]);
}
