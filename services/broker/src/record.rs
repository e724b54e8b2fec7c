//! A record as it was read.

use crate::headers::Headers;

/// One record, copied out of librdkafka.
#[derive(Debug)]
pub struct Record {
    /// Its Kafka partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The start that it was read under; 0: none.
    pub epoch: u64,
    /// The epoch of the leader that took it, where the broker tells: another one in place of a leader that
    /// lost records has a higher one.
    pub leader_epoch: Option<i32>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
}

impl Record {
    /// What it weighs in the budget, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let bytes = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        bytes(&self.key) + bytes(&self.value) + self.headers.heap_bytes() + size_of::<Record>()
    }
}
