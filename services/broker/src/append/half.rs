//! What a planted bug does when there is no room for a request.

use super::record::measure;
use super::{Appender, NewRecord, Queued};

impl Appender {
    /// Appends the longest half, quarter, eighth … that there is room for, as if the limit were
    /// met in the middle of the request.
    pub(super) fn append_a_part(&self, records: &[NewRecord]) {
        let mut part = &records[..records.len() / 2];
        while !part.is_empty() {
            let bytes = measure(part).unwrap_or_default();
            if let (Ok(room), Ok(Some(producer))) =
                (self.reserve(Queued { messages: part.len(), bytes }), self.producer())
            {
                drop(self.hand_over(&producer, part, room));
                return;
            }
            part = &part[..part.len() / 2];
        }
    }
}
