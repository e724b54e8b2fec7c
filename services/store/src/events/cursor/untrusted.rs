//! What anybody may make up: how a cursor's check is made is no secret.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// So many bytes for each one of a cursor's text: it becomes a map, and most positions take three bytes.
const HELD_PER_BYTE: u64 = 24;
const HELD_ANYWAY: u64 = 4 * 1024;

fn measured<T>(text: &str, parse: impl FnOnce(&str) -> T) -> Result<T, TestCaseError> {
    let mut parsed = None;
    let taken = allocation_counter::measure(|| parsed = Some(parse(text)));
    let most = HELD_PER_BYTE * text.len() as u64 + HELD_ANYWAY;
    prop_assert!(taken.bytes_max <= most, "{taken:?} for {} bytes", text.len());
    Ok(parsed.unwrap())
}

/// What a cursor may hold, and what it may not.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let extreme = select(vec![i32::MAX.unsigned_abs().into(), i64::MAX.unsigned_abs(), u64::MAX]);
    let numbers = prop_oneof![
        vec(0..200_u64, 0..12),
        vec(0..200_u64, 0..6_000),
        vec(prop_oneof![4 => 0..200_u64, 1 => extreme, 1 => any::<u64>()], 0..12),
    ];
    let varints = numbers.prop_map(|numbers| {
        let mut bytes = Vec::new();
        numbers.into_iter().for_each(|number| push_varint(&mut bytes, number));
        bytes
    });
    prop_oneof![4 => varints, 1 => vec(any::<u8>(), 0..40), 1 => Just(vec![0x80; 40])]
}

proptest! {
    #[test]
    fn a_forged_cursor_is_refused_or_one_that_could_have_been_given(body in body()) {
        let text = seal(&body, |hash| bind(hash, Query::All));
        if let Ok(cursor) = measured(&text, |text| Cursor::parse(text, Query::All))? {
            for (&(log_id, partition), &offset) in &cursor.shown {
                prop_assert!(log_id >= 0 && partition >= 0 && offset >= 0);
            }
            prop_assert_eq!(Cursor::parse(&cursor.encode(Query::All), Query::All), Ok(cursor));
        }
    }

    #[test]
    fn a_forged_cursor_of_topics_names_a_topic_or_is_refused(name in prop_oneof![
        vec(any::<u8>(), 0..40),
        vec(select(vec!['\0', 'a', 'ü', '\u{10ffff}']), 0..8)
            .prop_map(|name| String::from_iter(name).into_bytes()),
    ]) {
        let text = seal(&name, bind_topics);
        if let Ok(cursor) = measured(&text, TopicsCursor::parse)? {
            // PostgreSQL takes no NUL.
            prop_assert!(!cursor.as_str().contains('\0'));
            prop_assert_eq!(cursor.as_str().as_bytes(), name);
        }
    }
}
