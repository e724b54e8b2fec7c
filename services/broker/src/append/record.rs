//! What goes in, and what is answered for it.

use crate::MAX_RECORD_BYTES;

/// A record to be appended.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Decides the partition where none is given (murmur2, as Kafka's Java client).
    pub key: Vec<u8>,
    /// The partition, as [`partition_of`](super::partition_of) says it; where none is given, the key decides among as
    /// many as the client has last heard of from the broker.
    pub partition: Option<i32>,
    /// The event on the wire.
    pub value: Vec<u8>,
    /// Passed on as a header, so that a trace goes on behind the log (W3C Trace Context).
    pub traceparent: Option<String>,
}

/// The header that names the version of the wire form, and that version.
pub(crate) const SCHEMA: (&str, &str) = ("schema", "1");
/// The header that carries the trace.
pub(crate) const TRACEPARENT: &str = "traceparent";

impl NewRecord {
    /// Bytes of key, value and headers: what limit and budget are counted in.
    pub(crate) fn wire_bytes(&self) -> usize {
        let trace = self.traceparent.as_ref().map_or(0, |value| TRACEPARENT.len() + value.len());
        self.key.len() + self.value.len() + SCHEMA.0.len() + SCHEMA.1.len() + trace
    }
}

/// What became of one record.
#[must_use = "an outcome that nobody reads is an event that nobody answers for"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It is in the log, acknowledged by all in-sync replicas.
    Kept {
        /// The partition it went to.
        partition: i32,
        /// Where it is, if the broker's word on that can be believed.
        offset: Option<i64>,
    },
    /// It is not in the log, and will not appear there by itself.
    NotKept {
        /// Why.
        reason: String,
    },
    /// It may be in the log or not: repeat it with the same event id.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// Why nothing of a request was appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too much awaits delivery: repeat the request later.
    #[error("no room: {messages} records with {bytes} bytes await delivery")]
    NoRoom {
        /// Records that await delivery.
        messages: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// More than could ever wait at once: split the request.
    #[error(
        "{messages} records with {bytes} bytes are more than may ever await delivery \
         ({max_messages} records, {max_bytes} bytes)"
    )]
    RequestTooLarge {
        /// Records of the request.
        messages: usize,
        /// Their bytes.
        bytes: usize,
        /// Records that may await delivery.
        max_messages: usize,
        /// Their bytes.
        max_bytes: usize,
    },
    /// A record that the topic would refuse: leave it out or make it smaller.
    #[error("record {index} has {bytes} bytes, {max} are the limit")]
    RecordTooLarge {
        /// Its position in the request, from 0.
        index: usize,
        /// Its size, key and headers included.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The process is shutting down: repeat the request elsewhere or later.
    #[error("the log is being closed")]
    Closed,
}

/// The bytes of all records, or the first one that is over the limit.
pub(crate) fn measure(records: &[NewRecord]) -> Result<usize, Refused> {
    let mut total = 0;
    for (index, record) in records.iter().enumerate() {
        let bytes = record.wire_bytes();
        if bytes > MAX_RECORD_BYTES {
            return Err(Refused::RecordTooLarge { index, bytes, max: MAX_RECORD_BYTES });
        }
        total += bytes;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: usize) -> NewRecord {
        NewRecord { key: b"k".to_vec(), partition: None, value: vec![b'x'; value], traceparent: None }
    }

    #[test]
    fn key_value_and_headers_count() {
        let plain = record(10);
        let traced = NewRecord { traceparent: Some("00-ab".into()), ..plain.clone() };
        assert_eq!(plain.wire_bytes(), 1 + 10 + "schema1".len());
        assert_eq!(traced.wire_bytes(), plain.wire_bytes() + "traceparent00-ab".len());
        assert_eq!(measure(&[plain.clone(), traced.clone()]), { Ok(plain.wire_bytes() + traced.wire_bytes()) });
    }

    #[test]
    fn the_record_over_the_limit_is_named() {
        let refused = measure(&[record(1), record(MAX_RECORD_BYTES), record(1)]);
        assert!(matches!(refused, Err(Refused::RecordTooLarge { index: 1, .. })));
    }
}
