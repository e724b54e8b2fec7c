//! Where a list goes on.
//!
//! A cursor over events names one offset per partition, not one row: partitions are written by
//! several consumers, so a row can be committed late behind rows that a reader has passed. Within a
//! partition offsets are committed in order, so "everything of this partition up to here" is exact.
//!
//! The text is base64url of `version, check, body`. The check is a hash over the query and the body:
//! a cursor of another query, of another version, or made up is refused. It is no secret.

use std::collections::BTreeMap;
use std::hash::Hasher;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use event::Topic;
use siphasher::sip::SipHasher24;

use super::query::Query;
use crate::logs::LogId;

const VERSION: u8 = 1;
const CHECK_BYTES: usize = 8;
/// Above any cursor that we make: 2,000 partitions over several incarnations of a log.
const MAX_TEXT: usize = 48 * 1024;

/// The text is not a cursor of this query. Begin again without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list: take it from the answer before, with the same query, or begin without one")]
pub struct CursorError;

/// Where a list of events goes on: per `(log, partition)`, the last offset that was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    shown: BTreeMap<(LogId, i32), i64>,
}

impl Cursor {
    /// Reads what [`Cursor::encode`] wrote for the same query.
    pub fn parse(text: &str, query: Query<'_>) -> Result<Cursor, CursorError> {
        let body = open(text, |hash| bind(hash, query))?;
        let mut rest = body.as_slice();
        let mut shown = BTreeMap::new();
        while !rest.is_empty() {
            let log_id = LogId::try_from(varint(&mut rest)?).map_err(|_| CursorError)?;
            let partition = i32::try_from(varint(&mut rest)?).map_err(|_| CursorError)?;
            let offset = i64::try_from(varint(&mut rest)?).map_err(|_| CursorError)?;
            shown.insert((log_id, partition), offset);
        }
        Ok(Cursor { shown })
    }

    /// The text that a client hands back.
    #[must_use]
    pub fn encode(&self, query: Query<'_>) -> String {
        let mut body = Vec::with_capacity(self.shown.len() * 8);
        for (&(log_id, partition), &offset) in &self.shown {
            push_varint(&mut body, log_id.unsigned_abs().into());
            push_varint(&mut body, partition.unsigned_abs().into());
            push_varint(&mut body, offset.unsigned_abs());
        }
        seal(&body, |hash| bind(hash, query))
    }

    /// Notes that the list has shown this position, and of its partition all before it.
    pub(super) fn show(&mut self, log_id: LogId, partition: i32, offset: i64) {
        self.shown.insert((log_id, partition), offset);
    }

    /// The three columns of the cursor, for `unnest`.
    pub(super) fn columns(&self) -> (Vec<LogId>, Vec<i32>, Vec<i64>) {
        let logs = self.shown.keys().map(|(log_id, _)| *log_id).collect();
        let partitions = self.shown.keys().map(|(_, partition)| *partition).collect();
        (logs, partitions, self.shown.values().copied().collect())
    }
}

/// Where the list of event topics goes on: after this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicsCursor {
    after: String,
}

impl TopicsCursor {
    /// The cursor that goes on after `topic`.
    #[must_use]
    pub fn after(topic: &str) -> TopicsCursor {
        TopicsCursor { after: topic.to_owned() }
    }

    /// Reads what [`TopicsCursor::encode`] wrote.
    pub fn parse(text: &str) -> Result<TopicsCursor, CursorError> {
        let body = open(text, bind_topics)?;
        let after = String::from_utf8(body).map_err(|_| CursorError)?;
        // The check is no secret, and PostgreSQL takes no NUL.
        Topic::parse(&after).map_err(|_| CursorError)?;
        Ok(TopicsCursor { after })
    }

    /// The text that a client hands back.
    #[must_use]
    pub fn encode(&self) -> String {
        seal(self.after.as_bytes(), bind_topics)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.after
    }
}

fn bind(hash: &mut SipHasher24, query: Query<'_>) {
    match query {
        Query::All => hash.write(b"events"),
        Query::Topic(topic) => {
            hash.write(b"events of ");
            hash.write(topic.as_bytes());
        }
    }
}

fn bind_topics(hash: &mut SipHasher24) {
    hash.write(b"topics");
}

fn check(body: &[u8], bind: impl Fn(&mut SipHasher24)) -> [u8; CHECK_BYTES] {
    let mut hash = SipHasher24::new();
    bind(&mut hash);
    hash.write_u8(0);
    hash.write(body);
    hash.finish().to_be_bytes()
}

fn seal(body: &[u8], bind: impl Fn(&mut SipHasher24)) -> String {
    let mut bytes = Vec::with_capacity(1 + CHECK_BYTES + body.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&check(body, bind));
    bytes.extend_from_slice(body);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(text: &str, bind: impl Fn(&mut SipHasher24)) -> Result<Vec<u8>, CursorError> {
    if text.len() > MAX_TEXT {
        return Err(CursorError);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
    let (version, rest) = bytes.split_first().ok_or(CursorError)?;
    let (found, body) = rest.split_first_chunk::<CHECK_BYTES>().ok_or(CursorError)?;
    if *version != VERSION || *found != check(body, bind) {
        return Err(CursorError);
    }
    Ok(body.to_vec())
}

/// LEB128: seven bits per byte, the lowest first.
fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn varint(bytes: &mut &[u8]) -> Result<u64, CursorError> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(CursorError)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(CursorError)
}

#[cfg(test)]
mod untrusted;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn cursor(positions: &[(LogId, i32, i64)]) -> Cursor {
        let mut cursor = Cursor::default();
        for &(log_id, partition, offset) in positions {
            cursor.show(log_id, partition, offset);
        }
        cursor
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went_out(
            positions in prop::collection::vec((1..=i32::MAX, 0..=i32::MAX, 0..=i64::MAX), 0..40),
            topic in ".{1,40}",
        ) {
            let cursor = cursor(&positions);
            let query = Query::Topic(&topic);
            prop_assert_eq!(Cursor::parse(&cursor.encode(query), query), Ok(cursor));
        }

        #[test]
        fn what_is_no_cursor_is_refused(text in "[ -~]{0,80}") {
            prop_assert_eq!(Cursor::parse(&text, Query::All), Err(CursorError));
            prop_assert_eq!(TopicsCursor::parse(&text), Err(CursorError));
        }
    }

    #[test]
    fn a_cursor_serves_its_own_query_only() {
        let text = cursor(&[(1, 0, 41)]).encode(Query::Topic("orders"));

        assert!(Cursor::parse(&text, Query::Topic("orders")).is_ok());
        assert_eq!(Cursor::parse(&text, Query::Topic("refunds")), Err(CursorError));
        assert_eq!(Cursor::parse(&text, Query::All), Err(CursorError));
        assert_eq!(TopicsCursor::parse(&text), Err(CursorError));
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let bytes = URL_SAFE_NO_PAD.decode(cursor(&[(1, 3, 70_000)]).encode(Query::All)).unwrap();

        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(Cursor::parse(&URL_SAFE_NO_PAD.encode(changed), Query::All), Err(CursorError));
        }
    }

    #[test]
    fn a_topics_cursor_comes_back_as_it_went_out() {
        let cursor = TopicsCursor::after("übermut / 1");

        assert_eq!(TopicsCursor::parse(&cursor.encode()), Ok(cursor));
    }

    #[test]
    fn a_forged_cursor_that_names_no_topic_is_refused() {
        for text in ["", " ", "a\0b", &"x".repeat(256)] {
            assert_eq!(TopicsCursor::parse(&TopicsCursor::after(text).encode()), Err(CursorError), "{text:?}");
        }
        assert_eq!(TopicsCursor::parse(&seal(&[0xff], bind_topics)), Err(CursorError));
    }

    #[test]
    fn a_cursor_over_many_partitions_is_short() {
        let positions: Vec<_> = (0..8).map(|partition| (1, partition, 1_000_000)).collect();

        assert!(cursor(&positions).encode(Query::All).len() < 80);
    }
}
