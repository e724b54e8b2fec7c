//! The body of a publish request: its three shapes and what is told about a bad one.

use event::body::parse;
use event::{BodyError, Event, MAX_EVENT_BYTES, MAX_FIELD_ERRORS};

use crate::told;

const MAX: usize = 10_000;

fn event(id: impl std::fmt::Display) -> String {
    format!(r#"{{"topic":"t","event_id":"{id}","timestamp":"2025-10-24T15:12:30Z","source":"s","payload":{{}}}}"#)
}

fn array(count: usize) -> String {
    let events: Vec<_> = (0..count).map(event).collect();
    format!("[{}]", events.join(","))
}

#[track_caller]
fn ids(body: &str) -> Vec<String> {
    let events = parse(body.as_bytes(), MAX).unwrap();
    let id = |event: &Event| event.event_id.to_string();
    events.iter().map(id).collect()
}

#[track_caller]
fn errors(body: &str) -> Vec<String> {
    match parse(body.as_bytes(), MAX) {
        Err(BodyError::Invalid(errors)) => told(&errors),
        other => panic!("{body} gives {other:?}"),
    }
}

#[test]
fn a_body_is_one_event_an_array_or_an_object_with_events() {
    assert_eq!(ids(&event(7)), ["7"]);
    assert_eq!(ids(&array(3)), ["0", "1", "2"]);
    assert_eq!(ids(&format!(r#"{{"events":{}}}"#, array(3))), ["0", "1", "2"]);
    assert_eq!(ids(&format!(" \r\n[ {} ]\t", event(1))), ["1"]);
}

#[test]
fn other_members_beside_events_are_ignored() {
    let events = array(2);
    for body in [
        format!(r#"{{"source":"s","events":{events},"version":[1]}}"#),
        format!(r#"{{"events":7,"events":{events}}}"#),
        format!(r#"{{"payload":1e999,"events":{events},"timestamp":null}}"#),
    ] {
        assert_eq!(ids(&body), ["0", "1"]);
    }
}

#[test]
fn an_object_with_a_topic_or_an_event_id_is_one_event_and_its_events_are_ignored() {
    let event = event(7);
    let (before, after) = (&event[1..], &event[..event.len() - 1]);
    for events in ["[]", "7", "[{}]", r#"{"a":[]}"#, "null"] {
        assert_eq!(ids(&format!(r#"{{"events":{events},{before}"#)), ["7"]);
        assert_eq!(ids(&format!(r#"{after},"events":{events}}}"#)), ["7"]);
    }
    let body = format!(r#"{{"events":{},"topic":null}}"#, array(1));
    assert_eq!(
        errors(&body),
        ["/topic: must be a string", "/event_id: is missing", "/timestamp: is missing", "/source: is missing",]
    );
}

#[test]
fn an_object_with_neither_is_an_event_without_its_members() {
    assert_eq!(
        errors("{}"),
        ["/topic: is missing", "/event_id: is missing", "/timestamp: is missing", "/source: is missing",]
    );
}

#[test]
fn events_has_to_be_an_array() {
    for value in ["7", "-7", "0.5", "null", "true", r#""[]""#, r#"{"0":{}}"#] {
        let body = format!(r#"{{"events":{value}}}"#);
        assert_eq!(errors(&body), ["/events: must be an array"]);
    }
}

#[test]
fn a_batch_has_at_least_one_event() {
    assert_eq!(errors("[]"), [": must have at least one event"]);
    assert_eq!(errors(r#"{"events":[ ]}"#), ["/events: must have at least one event"]);
}

#[test]
fn an_empty_body_is_told_to_be_empty() {
    for body in ["", " \r\n\t"] {
        assert_eq!(errors(body), [": is empty, must be an event or events"]);
    }
}

#[test]
fn a_body_that_is_neither_object_nor_array_is_refused() {
    for body in ["7", "null", r#""event""#, "false"] {
        assert_eq!(errors(body), [": must be an object or an array"]);
    }
}

#[test]
fn each_fault_of_each_event_is_pointed_to() {
    let bad = r#"{"topic":" ","event_id":"1","timestamp":"2025-10-24T15:12:30Z","payload":[]}"#;
    let items = format!("[{},{bad},7,null,[[]],\"x\",-0.5,true,{}]", event(0), event(8));
    let expected = [
        "/1/topic: must not be blank",
        "/1/source: is missing",
        "/1/payload: must be an object",
        "/2: must be an object",
        "/3: must be an object",
        "/4: must be an object",
        "/5: must be an object",
        "/6: must be an object",
        "/7: must be an object",
    ];
    assert_eq!(errors(&items), expected);
    let expected = expected.map(|error| format!("/events{error}"));
    assert_eq!(errors(&format!(r#"{{"events":{items}}}"#)), expected);
}

#[test]
fn one_bad_event_refuses_a_thousand() {
    let body = array(1_000).replace(r#""event_id":"617""#, r#""event_id":617"#);
    assert_eq!(errors(&body), ["/617/event_id: must be a string"]);
}

#[test]
fn at_most_100_faults_are_listed_and_then_how_many_more() {
    let items = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert_eq!(errors(&items(MAX_FIELD_ERRORS)).len(), MAX_FIELD_ERRORS);
    let errors = errors(&items(1_000));
    assert_eq!(errors.len(), MAX_FIELD_ERRORS + 1);
    assert_eq!(errors[MAX_FIELD_ERRORS - 1], "/99: must be an object");
    assert_eq!(errors[MAX_FIELD_ERRORS], ": 900 more errors are not listed");
}

#[test]
fn broken_json_is_one_fault_of_the_whole() {
    for (body, detail) in [
        ("[{}", "EOF while parsing a list at line 1 column 3"),
        ("[{},]", "trailing comma at line 1 column 5"),
        ("[{}] []", "trailing characters at line 1 column 6"),
        ("[1,\n2,{{]", "key must be a string at line 2 column 4"),
        (r#"{"events":[1,2}"#, "expected `,` or `]` at line 1 column 15"),
        ("nope", "expected ident at line 1 column 2"),
    ] {
        assert_eq!(errors(body), [format!(": is not JSON: {detail}")]);
    }
}

#[test]
fn a_body_is_utf_8_without_a_byte_order_mark() {
    let refused = parse(b"[\"\xff\"]", MAX).unwrap_err();
    let BodyError::Invalid(told_of) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(told(&told_of), [": is not JSON: byte 2 is not UTF-8"]);
    assert_eq!(errors("\u{feff}[]"), [": is not JSON: it begins with a byte order mark"]);
}

#[test]
fn too_many_events_are_counted_and_not_checked() {
    let too_many = |count| Err(BodyError::TooManyEvents { count, max: 3 });
    for wrap in [|array: String| array, |array| format!(r#"{{"events":{array}}}"#)] {
        assert_eq!(parse(wrap(array(3)).as_bytes(), 3).unwrap().len(), 3);
        assert_eq!(parse(wrap(array(4)).as_bytes(), 3), too_many(4));
        let invalid = wrap("[0,1,2,3,4]".to_owned());
        assert_eq!(parse(invalid.as_bytes(), 3), too_many(5));
    }
    let broken = format!("[{},", "0,".repeat(9));
    assert!(matches!(parse(broken.as_bytes(), 3), Err(BodyError::Invalid(_))));
}

#[test]
fn an_event_is_measured_in_its_wire_form() {
    let overhead = event("").len();
    let of_wire_bytes = |bytes: usize| {
        let frame = r#"{"text":""}"#.len() - "{}".len();
        let text = "x".repeat(bytes - overhead - frame - "big".len());
        event("big").replace("{}", &format!(r#"{{"text":"{text}"}}"#))
    };
    let largest = of_wire_bytes(MAX_EVENT_BYTES);
    let events = parse(largest.as_bytes(), MAX).unwrap();
    assert_eq!(events[0].encode().len(), MAX_EVENT_BYTES);
    let spacious = largest.replace(r#","payload""#, &format!(r#",{}"payload""#, " ".repeat(99)));
    assert_eq!(parse(spacious.as_bytes(), MAX).unwrap(), events);

    let larger = of_wire_bytes(MAX_EVENT_BYTES + 1);
    for (body, pointer) in [
        (larger.clone(), ""),
        (format!("[{},{larger},{larger}]", event(0)), "/1"),
        (format!(r#"{{"events":[{larger}]}}"#), "/events/0"),
    ] {
        let refused = parse(body.as_bytes(), MAX);
        let expected =
            BodyError::EventTooLarge { pointer: pointer.to_owned(), bytes: MAX_EVENT_BYTES + 1, max: MAX_EVENT_BYTES };
        assert_eq!(refused, Err(expected));
    }
}

#[test]
fn faults_are_told_before_an_event_that_is_too_large() {
    let large = event(1).replace("{}", &format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_EVENT_BYTES)));
    assert_eq!(errors(&format!("[{large},7]")), ["/1: must be an object"]);
}

#[test]
fn deep_nesting_is_refused_without_using_the_stack() {
    for open in ["[", r#"{"a":"#, r#"{"events":"#, r#"{"events":[{"payload":"#] {
        assert!(parse(open.repeat(100_000).as_bytes(), MAX).is_err());
    }
    let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(errors(&format!("{open}{close}")), ["/0: must be an object"]);
    let body = event(1).replace("{}", &format!(r#"{{"a":{open}{close}}}"#));
    let pointer = format!("/payload/a{}", "/0".repeat(63));
    assert_eq!(errors(&body), [format!("{pointer}: must not nest more than 64 objects and arrays")]);
}
