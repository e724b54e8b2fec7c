//! What holds for any event and any input.

use std::fmt::Write;

use chrono::DateTime;
use event::{Event, EventId, Payload, Source, Timestamp, Topic, body};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

const MAX: usize = 10_000;

fn text(lengths: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => proptest::char::range(' ', '~'),
        1 => proptest::char::range('\u{1}', '\u{1f}'),
        1 => any::<char>(),
    ];
    let kept = character.prop_filter("no database keeps it", |character| *character != '\0');
    vec(kept, lengths).prop_map(String::from_iter)
}

fn name() -> impl Strategy<Value = String> {
    text(1..=255).prop_filter("is blank", |name| !name.trim().is_empty())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    let seconds = -62_135_596_800..=253_402_300_799_i64;
    let micros = prop_oneof![Just(0), (0..1_000u32).prop_map(|ms| ms * 1_000), 0..1_000_000u32];
    (seconds, micros).prop_map(|(seconds, micros)| {
        let moment = DateTime::from_timestamp(seconds, micros * 1_000).unwrap();
        Timestamp::try_from(moment).unwrap()
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Few digits, so that a parser that rounds differently reads the same number.
        (any::<i32>(), 0..6).prop_map(|(n, places)| Value::from(f64::from(n) / 10f64.powi(places))),
        text(0..40).prop_map(Value::from),
    ];
    leaf.prop_recursive(
        8,
        64,
        8,
        |inner| prop_oneof![vec(inner.clone(), 0..8).prop_map(Value::from), object_of(inner),],
    )
}

fn object_of(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let members = vec((text(0..12), inner), 0..8);
    members.prop_map(|members| Value::Object(Map::from_iter(members)))
}

fn payload() -> impl Strategy<Value = Payload> {
    object_of(value()).prop_map(|object| Payload::parse(&object.to_string()).unwrap())
}

fn event() -> impl Strategy<Value = Event> {
    let fields = (name(), name(), timestamp(), name(), payload());
    fields.prop_map(|(topic, event_id, timestamp, source, payload)| Event {
        topic: Topic::parse(&topic).unwrap(),
        event_id: EventId::parse(&event_id).unwrap(),
        timestamp,
        source: Source::parse(&source).unwrap(),
        payload,
    })
}

/// JSON text in which every character beyond ASCII is an escape.
fn escaped(json: &str) -> String {
    let mut ascii = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(ascii, "\\u{unit:04x}").unwrap();
            }
        }
    }
    ascii
}

/// Text made of what JSON is made of, so that it is sometimes JSON and often nearly.
fn nearly_json() -> impl Strategy<Value = String> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\"a\"",
        "\"a\":",
        "\\",
        "\\u",
        "\\u0000",
        "\"\\ud800",
        "\\udc00\"",
        "0",
        "-",
        "1e309",
        "1.5",
        "e",
        "true",
        "null",
        " ",
        "\n",
        "é",
        "🦀",
        "\u{1}",
        "{}",
        "[]",
        "\"topic\":",
        "\"events\":",
        "\"payload\":{",
        "\u{feff}",
    ];
    vec(proptest::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn an_event_comes_back_from_its_wire_form(event in event()) {
        let wire = event.encode();
        prop_assert_eq!(wire.len(), event.encoded_len());
        prop_assert_eq!(wire.len(), wire.capacity());
        prop_assert_eq!(Event::parse(&wire), Ok(event));
    }

    #[test]
    fn the_wire_form_says_to_any_reader_what_the_event_says(event in event()) {
        let read: Value = serde_json::from_slice(&event.encode()).unwrap();
        prop_assert_eq!(read["topic"].as_str(), Some(event.topic.as_str()));
        prop_assert_eq!(read["event_id"].as_str(), Some(event.event_id.as_str()));
        prop_assert_eq!(read["source"].as_str(), Some(event.source.as_str()));
        let timestamp = read["timestamp"].as_str().unwrap();
        let timestamp = DateTime::parse_from_rfc3339(timestamp).unwrap();
        prop_assert_eq!(timestamp, event.timestamp.as_datetime());
    }

    #[test]
    fn the_three_shapes_of_a_body_give_the_same_events(events in vec(event(), 1..5)) {
        let wires = events.iter().map(|event| String::from_utf8(event.encode()).unwrap());
        let wires: Vec<_> = wires.collect();
        let array = format!("[{}]", wires.join(" ,\n"));
        let object = format!(r#"{{"events": {array}}}"#);
        let first = body::parse(wires[0].as_bytes(), MAX);
        prop_assert_eq!(first.unwrap(), &events[..1]);
        prop_assert_eq!(body::parse(array.as_bytes(), MAX).unwrap(), &events[..]);
        prop_assert_eq!(body::parse(object.as_bytes(), MAX).unwrap(), &events[..]);
    }

    #[test]
    fn any_object_within_the_limits_is_a_payload_and_stays_equal(object in object_of(value())) {
        let compact = object.to_string();
        let pretty = format!("{object:#}");
        let ascii = escaped(&pretty);
        for text in [compact, pretty, ascii] {
            let payload = Payload::parse(&text);
            prop_assert!(payload.is_ok(), "{text}: {payload:?}");
            let kept: Value = serde_json::from_str(payload.unwrap().as_str()).unwrap();
            prop_assert_eq!(&kept, &object);
        }
    }

    #[test]
    fn the_scan_and_another_parser_agree_on_what_is_json(text in nearly_json()) {
        let text = format!(r#"{{"a":{text}}}"#);
        let read = serde_json::from_str::<Value>(&text).map_err(|error| error.to_string());
        let payload = Payload::parse(&text).map_err(|error| error.to_string());
        match (payload, read) {
            (Ok(_), Err(error)) => prop_assert!(error.contains("out of range"), "{text}: {error}"),
            (Err(error), Ok(_)) => prop_assert!(!error.contains("JSON"), "{text}: {error}"),
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in vec(any::<u8>(), 0..256)) {
        let _ = Event::parse(&bytes);
        let _ = body::parse(&bytes, MAX);
    }

    #[test]
    fn arbitrary_text_is_no_harm_to_a_name_a_timestamp_or_a_payload(text in any::<String>()) {
        let _ = Topic::parse(&text);
        let _ = Timestamp::parse(&text);
        let _ = Payload::parse(&text);
        let _ = Payload::parse(&format!("{{{text}"));
    }

    #[test]
    fn near_misses_are_survived(text in nearly_json()) {
        let _ = Event::parse(text.as_bytes());
        let _ = body::parse(text.as_bytes(), 3);
    }

    #[test]
    fn a_damaged_body_is_survived(
        event in event(), at in any::<proptest::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = event.encode();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(events) = body::parse(&body, MAX) {
            prop_assert_eq!(Event::parse(&events[0].encode()), Ok(events[0].clone()));
        }
        let _ = body::parse(&body[..at], MAX);
    }

    #[test]
    fn a_timestamp_is_read_as_another_parser_reads_it(moment in timestamp(), hours in -23..=23) {
        let zone = chrono::FixedOffset::east_opt(hours * 3_600).unwrap();
        let local = moment.as_datetime().with_timezone(&zone);
        prop_assume!((1..=9999).contains(&chrono::Datelike::year(&local)));
        prop_assert_eq!(Timestamp::parse(&local.to_rfc3339()), Ok(moment));
        prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
    }
}
