//! What anybody may send, near misses above all: it is taken whole or refused by name, and takes memory in
//! proportion to its length.

use allocation_counter::measure;
use event::{BodyError, Event, FieldError, MAX_FIELD_ERRORS, Timestamp, body};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

/// Small, so that it is passed.
const MAX_EVENTS: usize = 200;
/// What reading may hold at its peak: so many bytes for each one that was sent,
const HELD_PER_BYTE: u64 = 6;
/// and all the errors that an answer lists.
const HELD_ANYWAY: u64 = 256 * 1024;

const MEMBERS: [(&str, &str); 5] = [
    ("topic", "\"orders\""),
    ("event_id", "\"order-1\""),
    ("timestamp", "\"2025-10-24T15:12:30.250+07:00\""),
    ("source", "\"shop\""),
    ("payload", r#"{"amount":12.5,"items":[{"sku":"a/b","count":2}]}"#),
];

/// The text of a value: right somewhere, or wrong everywhere.
fn value() -> impl Strategy<Value = String> {
    const VALUES: [&str; 30] = [
        "null",
        "true",
        "7",
        "-0",
        "01",
        "1e308",
        "1e309",
        "nul",
        "[]",
        "{}",
        "[1,]",
        "[[[]]]",
        r#""""#,
        r#"" ""#,
        r#""a""#,
        r#""open"#,
        r#""\u0000""#,
        r#""\ud800""#,
        r#""\ud83e\udd80""#,
        "\"\u{1}\"",
        "\"\u{feff}\"",
        r#"{"a":"#,
        r#"{"a":1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":[{"b/c~":"\u0000"}]}"#,
        r#"{"\u0000":1}"#,
        r#"{"\ud800":1}"#,
        r#"{"a":1e400}"#,
        r#""2025-02-30T00:00:00Z""#,
        r#""0001-01-01T00:00:00+14:00""#,
    ];
    prop_oneof![
        6 => select(&VALUES[..]).prop_map(str::to_owned),
        2 => any::<String>().prop_map(|text| Value::from(text).to_string()),
        2 => near_timestamp().prop_map(|text| Value::from(text).to_string()),
        1 => (250..260_usize).prop_map(|length| format!("\"{}\"", "é".repeat(length))),
        1 => (60..200_usize).prop_map(|depth| format!("{}1{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth))),
        1 => (60..80_usize).prop_map(|digits| format!(r#"{{"a":0.{}}}"#, "1".repeat(digits))),
        1 => (1..3_000_usize).prop_map(|length| format!(r#"{{"{}":"\u0000"}}"#, "n".repeat(length))),
    ]
}

fn near_timestamp() -> impl Strategy<Value = String> {
    let character = select(b"0123456789TtZz+-:., ".to_vec());
    let changes = vec((any::<Index>(), character), 0..4);
    (changes, 10..30_usize).prop_map(|(changes, length)| {
        let mut text = b"2025-10-24T15:12:30.250000+07:00".to_vec();
        changes.into_iter().for_each(|(at, character)| *at.get_mut(&mut text) = character);
        text.truncate(length);
        String::from_utf8(text).unwrap()
    })
}

#[derive(Clone, Debug)]
enum Change {
    Drop(Index),
    Repeat(Index),
    Value(Index, String),
    Name(Index, &'static str),
    Add(&'static str, String),
}

fn change() -> impl Strategy<Value = Change> {
    let name = || {
        select(vec!["topic", "event_id", "timestamp", "source", "payload", "events", "Topic", "", r"\u0074opic", "x"])
    };
    prop_oneof![
        any::<Index>().prop_map(Change::Drop),
        any::<Index>().prop_map(Change::Repeat),
        (any::<Index>(), value()).prop_map(|(at, value)| Change::Value(at, value)),
        (any::<Index>(), name()).prop_map(|(at, name)| Change::Name(at, name)),
        (name(), value()).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

/// An event's text, with a few changes.
fn near_event() -> impl Strategy<Value = String> {
    vec(change(), 0..4).prop_map(|changes| {
        let mut members: Vec<(&str, String)> = MEMBERS.map(|(name, value)| (name, value.to_owned())).to_vec();
        for change in changes {
            match change {
                Change::Add(name, value) => members.push((name, value)),
                _ if members.is_empty() => {}
                Change::Drop(at) => drop(members.remove(at.index(members.len()))),
                Change::Repeat(at) => members.push(at.get(&members).clone()),
                Change::Value(at, value) => at.get_mut(&mut members).1 = value,
                Change::Name(at, name) => at.get_mut(&mut members).0 = name,
            }
        }
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// A body of any shape, and of some that are none.
fn near_body() -> impl Strategy<Value = String> {
    let item = prop_oneof![8 => near_event(), 1 => value()];
    let repeats = prop_oneof![12 => Just(1), 1 => 1..300_usize];
    (0..7, vec(item, 0..4), repeats).prop_map(|(shape, items, repeats)| {
        let items: Vec<_> = items.iter().flat_map(|item| std::iter::repeat_n(item.as_str(), repeats)).collect();
        match shape {
            0 | 1 => items.concat(),
            2 => format!("[{}]", items.join(" ,\n")),
            3 => format!(r#"{{"events":[{}]}}"#, items.join(",")),
            4 => format!(r#"{{"events":[{}],"event_id":"1"}}"#, items.join(",")),
            5 => format!("[[{}]]", items.join(",")),
            _ => items.join("\n"),
        }
    })
}

#[derive(Clone, Debug)]
enum Damage {
    Byte(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Double(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), vec(any::<u8>(), 0..8)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Double(from, to)),
    ]
}

/// The bytes of a text, some of which may have been damaged on their way.
fn on_the_wire(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let damages = prop_oneof![2 => Just(Vec::new()), 1 => vec(damage(), 1..3)];
    (text, damages).prop_map(|(text, damages)| {
        let mut bytes = text.into_bytes();
        for damage in damages {
            let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
            match damage {
                Damage::Byte(at, byte) if !bytes.is_empty() => *at.get_mut(&mut bytes) = byte,
                Damage::Byte(..) => {}
                Damage::Cut(at) => bytes.truncate(place(&at, &bytes)),
                Damage::Insert(at, more) => {
                    let at = place(&at, &bytes);
                    bytes.splice(at..at, more);
                }
                Damage::Double(from, to) => {
                    let (from, to) = (place(&from, &bytes), place(&to, &bytes));
                    let part = bytes[from.min(to)..from.max(to)].to_vec();
                    bytes.splice(from..from, part);
                }
            }
        }
        bytes
    })
}

/// What a function gives, if it has held no more memory than it may.
fn measured<T>(length: usize, read: impl FnOnce() -> T) -> Result<T, TestCaseError> {
    let mut given = None;
    let taken = measure(|| given = Some(read()));
    prop_assert!(taken.bytes_max <= HELD_PER_BYTE * length as u64 + HELD_ANYWAY, "{taken:?} for {length} bytes");
    Ok(given.unwrap())
}

/// Each error points to a member that a text of this kind may have, and that this one has, or should have.
fn named(bytes: &[u8], errors: &[FieldError]) -> Result<(), TestCaseError> {
    prop_assert!((1..=MAX_FIELD_ERRORS + 1).contains(&errors.len()));
    let document: Option<Value> = serde_json::from_slice(bytes).ok();
    for error in errors {
        prop_assert!(!error.detail.is_empty());
        let (member, _) = error.pointer.split_once("/payload/").unwrap_or((&error.pointer, ""));
        let mut segments = member.split('/').skip(1).filter(|segment| *segment != "events").peekable();
        segments.next_if(|segment| segment.parse::<usize>().is_ok());
        let names = ["topic", "event_id", "timestamp", "source", "payload"];
        prop_assert!(segments.all(|segment| names.contains(&segment)), "{error:?}");
        let Some(document) = &document else {
            continue;
        };
        let (parent, _) = member.rsplit_once('/').unwrap_or_default();
        let is_absent = error.detail == "is missing" && document.pointer(parent).is_some_and(Value::is_object);
        prop_assert!(is_absent || document.pointer(member).is_some(), "{error:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_body_is_taken_whole_or_refused_by_name(bytes in on_the_wire(near_body())) {
        match measured(bytes.len(), || body::parse(&bytes, MAX_EVENTS))? {
            Ok(events) => {
                prop_assert!((1..=MAX_EVENTS).contains(&events.len()));
                for event in &events {
                    prop_assert_eq!(Event::parse(&event.encode()), Ok(event.clone()));
                }
            }
            Err(BodyError::Invalid(errors)) => named(&bytes, &errors)?,
            Err(BodyError::TooManyEvents { count, max }) => prop_assert!(count > max && max == MAX_EVENTS),
            Err(too_large) => prop_assert!(false, "{too_large}, of {} bytes", bytes.len()),
        }
    }

    #[test]
    fn a_record_is_an_event_or_refused_by_name(bytes in on_the_wire(near_event())) {
        match measured(bytes.len(), || Event::parse(&bytes))? {
            Ok(event) => prop_assert_eq!(Event::parse(&event.encode()), Ok(event)),
            Err(errors) => named(&bytes, &errors)?,
        }
    }

    #[test]
    fn a_timestamp_that_is_taken_comes_back(text in near_timestamp()) {
        if let Ok(timestamp) = Timestamp::parse(&text) {
            prop_assert_eq!(Timestamp::parse(&timestamp.to_string()), Ok(timestamp));
            if let Ok(read) = chrono::DateTime::parse_from_rfc3339(&text) {
                // What is below a microsecond is cut off.
                prop_assert_eq!(timestamp.as_datetime().timestamp_micros(), read.timestamp_micros());
            }
        }
    }
}
