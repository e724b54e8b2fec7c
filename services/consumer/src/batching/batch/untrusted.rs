//! What anybody may write to the log.
#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// So many bytes for each one of a record: an event, or the record once more and what is wrong with it.
const HELD_PER_BYTE: u64 = 6;
const HELD_ANYWAY: u64 = 32 * 1024;

/// A record that somebody else wrote, most of them nearly an event.
fn foreign() -> impl Strategy<Value = Record> {
    let bytes = |most| vec(any::<u8>(), 0..most);
    let whole =
        br#"{"topic":"t","event_id":"1","timestamp":"2025-10-24T15:12:30Z","source":"s","payload":{"a/b":[1,"x"]}}"#;
    let damaged = vec((any::<Index>(), any::<u8>()), 0..3).prop_map(|damage| {
        let mut value = whole.to_vec();
        damage.into_iter().for_each(|(at, byte)| *at.get_mut(&mut value) = byte);
        value
    });
    let escaped = select(vec![r"\u0000", r"\ud800", r#"\""#, "é", "\u{feff}"]).prop_map(|part| {
        format!(
            r#"{{"topic":"{part}","event_id":"{part}","timestamp":"2025","source":7,"payload":{{"{part}":1e999}}}}"#
        )
    });
    let value = prop_oneof![3 => damaged, 1 => bytes(200), 1 => escaped.prop_map(String::into_bytes)];
    let headers = vec((bytes(8), prop::option::of(bytes(20))), 0..6);
    (prop::option::of(bytes(40)), prop::option::weighted(0.9, value), headers).prop_map(|(key, value, headers)| {
        let headers = headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref())).collect();
        Record { partition: 0, offset: 7, epoch: 0, leader_epoch: None, key, value, headers }
    })
}

proptest! {
    #[test]
    fn whatever_lies_in_the_log_is_an_event_or_a_dead_letter_that_says_why(record in foreign()) {
        let mut made = None;
        let taken = allocation_counter::measure(|| made = Some(entry(&record)));

        prop_assert!(taken.bytes_max <= HELD_PER_BYTE * record.weight() as u64 + HELD_ANYWAY, "{taken:?}");
        let made = made.unwrap();
        prop_assert_eq!(made.offset, record.offset);
        match made.what {
            What::Event(event) => prop_assert_eq!(Event::parse(&event.encode()), Ok(event)),
            What::DeadLetter(dead) => {
                prop_assert!(!dead.reason.is_empty());
                prop_assert_eq!((&dead.raw.key, &dead.raw.value), (&record.key, &record.value));
                let kept = dead.raw.headers.iter().map(|(_, value)| value.as_deref());
                prop_assert!(kept.eq(record.headers.iter().map(|(_, value)| value)));
            }
        }
    }
}
