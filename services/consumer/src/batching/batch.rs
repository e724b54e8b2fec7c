//! Slices of several partitions for one transaction, with the records that they came from.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use broker::consume::{Reader, Record};
use event::Event;
use sha2::{Digest, Sha256};
use store::{Batch, DeadLetter, Entry, NO_VALUE, Raw, Slice, Table, What};

use crate::batching::batcher::Taken;
use crate::planted;
use crate::policy::Move;
use crate::reading::witness;

/// A batch of more records or bytes than this is worth a transaction of its own.
pub(crate) const SMALL: usize = 50;
const SMALL_BYTES: usize = 64 * 1024;

/// A batch that is to be stored, or a half of one.
pub struct Work {
    /// What the transaction gets.
    pub batch: Batch,
    /// Whether an earlier try may have been committed.
    pub in_doubt: bool,
    /// Whether it goes in a transaction of its own: it is large, or has failed before.
    pub alone: bool,
    /// Whether it is one record that was refused, and a good row was taken after it.
    pub suspected: bool,
    origin: Arc<Origin>,
}

/// The records of a batch, for as long as any part of it is under way. Their bytes go back to the
/// budget when the last part is done with, however it ended.
struct Origin {
    records: BTreeMap<i32, Vec<Record>>,
    since: BTreeMap<i32, u64>,
    reader: Reader,
}

impl Origin {
    fn record(&self, partition: i32, offset: i64) -> Option<&Record> {
        let records = self.records.get(&partition)?;
        records.binary_search_by_key(&offset, |record| record.offset).ok().map(|index| &records[index])
    }

    /// Of a slice that ends with another record than before.
    fn find_witness(&self, slice: &mut Slice) {
        let last = slice.entries.last().filter(|entry| entry.offset >= slice.expected);
        slice.witness = last.and_then(|entry| self.record(slice.partition, entry.offset)).map(witness::of);
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        for (&partition, records) in &self.records {
            self.reader.finished(partition, weight(records));
        }
    }
}

impl Work {
    /// Parses the records and puts the parts together.
    #[must_use]
    pub fn new(taken: Taken, reader: Reader) -> Work {
        let (mut records, mut since, mut slices) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (partition, part) in taken.parts {
            let unreadable = part.unreadable.iter().map(|(offset, reason)| unreadable(*offset, reason));
            let mut entries: Vec<Entry> = unreadable.chain(part.records.iter().map(entry)).collect();
            planted::swallow_poison(&mut entries);
            let (witness, vouched_below) = (part.witness, part.vouched_below);
            slices.push(Slice {
                partition,
                expected: part.expected,
                end_offset: part.end_offset,
                entries,
                witness,
                vouched_below,
            });
            since.insert(partition, part.since);
            records.insert(partition, part.records);
        }
        let batch = Batch { log_id: taken.log_id, slices };
        let bytes = || records.values().map(|records| weight(records)).sum::<usize>();
        let alone = batch.len() > SMALL || bytes() > SMALL_BYTES;
        let origin = Arc::new(Origin { records, since, reader });
        Work { batch, in_doubt: false, alone, suspected: false, origin }
    }

    /// Without the slices that are not `ours` any more; gets with each the beginning that it is counted
    /// from. `None`: nothing is left.
    #[must_use]
    pub fn retain(mut self, mut ours: impl FnMut(&mut Slice, u64) -> bool) -> Option<Work> {
        let origin = &self.origin;
        let since = |slice: &Slice| origin.since.get(&slice.partition).copied().unwrap_or_default();
        self.batch.slices.retain_mut(|slice| {
            let since = since(slice);
            ours(slice, since)
        });
        (!self.batch.slices.is_empty()).then_some(self)
    }

    /// The partitions of which an earlier try may have been committed.
    #[must_use]
    pub fn in_doubt(&self) -> Vec<i32> {
        let all = self.batch.slices.iter().map(|slice| slice.partition);
        if self.in_doubt { all.collect() } else { Vec::new() }
    }

    /// Where the fences are to go.
    #[must_use]
    pub fn moves(&self) -> Vec<Move> {
        let of =
            |slice: &Slice| Move { partition: slice.partition, expected: slice.expected, end_offset: slice.end_offset };
        self.batch.slices.iter().map(of).collect()
    }

    /// To be brought alone from now on.
    #[must_use]
    pub fn apart(self, in_doubt: bool) -> Work {
        Work { alone: true, in_doubt: self.in_doubt || in_doubt, ..self }
    }

    /// Cuts in two that come to the same, one after the other. `Err`: it is a single record.
    pub fn halve(self) -> Result<(Work, Work), Work> {
        let Work { batch, in_doubt, alone, origin, .. } = self;
        let work = |batch| Work { batch, in_doubt, alone, suspected: false, origin: origin.clone() };
        match batch.halve() {
            Ok((mut first, second)) => {
                first.slices.iter_mut().for_each(|slice| origin.find_witness(slice));
                Ok((work(first), work(second)))
            }
            Err(batch) => Err(work(batch)),
        }
    }

    /// Where the record of a batch of one goes, if there is another way to keep it.
    #[must_use]
    pub fn goes_into(&self) -> Option<Table> {
        let (_, redelivered, entry) = self.batch.entries().next()?;
        match &entry.what {
            _ if redelivered => None,
            What::Event(_) => Some(Table::Events),
            What::DeadLetter(dead) if dead.raw == Raw::default() => None,
            What::DeadLetter(_) => Some(Table::DeadLetters),
        }
    }

    /// Has the record of a batch of one kept in another way, and says how: an event as a dead letter, a dead
    /// letter without its bytes.
    pub fn blame(&mut self, reason: &str) -> &'static str {
        let mut how = "keeping it as a dead letter";
        for slice in &mut self.batch.slices {
            for entry in &mut slice.entries {
                let raw = self.origin.record(slice.partition, entry.offset).map(raw).unwrap_or_default();
                let dead = match &entry.what {
                    What::Event(_) => DeadLetter { reason: reason.to_owned(), raw },
                    What::DeadLetter(dead) => {
                        how = "keeping its dead letter without the bytes";
                        DeadLetter {
                            reason: format!("{}; {reason}; {}", dead.reason, digest(&raw)),
                            raw: Raw::default(),
                        }
                    }
                };
                entry.what = What::DeadLetter(Box::new(dead));
            }
        }
        how
    }
}

/// What is kept in place of a record's bytes.
fn digest(raw: &Raw) -> String {
    let bytes = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
    let headers: usize = raw.headers.iter().map(|(name, value)| name.len() + bytes(value)).sum();
    let mut hash = String::new();
    for byte in Sha256::digest(raw.value.as_deref().unwrap_or_default()) {
        // A String takes any write.
        let _ = write!(hash, "{byte:02x}");
    }
    format!(
        "kept without its bytes: key {} bytes, value {} bytes with SHA-256 {hash}, headers {headers} bytes",
        bytes(&raw.key),
        bytes(&raw.value)
    )
}

fn weight(records: &[Record]) -> usize {
    records.iter().map(Record::weight).sum()
}

fn unreadable(offset: i64, reason: &str) -> Entry {
    let dead = DeadLetter { reason: format!("unreadable: {reason}"), raw: Raw::default() };
    Entry { offset, what: What::DeadLetter(Box::new(dead)) }
}

fn entry(record: &Record) -> Entry {
    let what = match parse(record) {
        Ok(event) => What::Event(event),
        Err(reason) => What::DeadLetter(Box::new(DeadLetter { reason, raw: raw(record) })),
    };
    Entry { offset: record.offset, what }
}

/// The API's rules: what it would refuse is a dead letter, whoever wrote it.
fn parse(record: &Record) -> Result<Event, String> {
    let value = record.value.as_deref().ok_or(NO_VALUE)?;
    Event::parse(value).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        format!("not an event: {}", lines.join("; "))
    })
}

fn raw(record: &Record) -> Raw {
    let header =
        |(name, value): (&[u8], Option<&[u8]>)| (String::from_utf8_lossy(name).into_owned(), value.map(<[u8]>::to_vec));
    Raw { key: record.key.clone(), value: record.value.clone(), headers: record.headers.iter().map(header).collect() }
}

#[cfg(test)]
mod untrusted;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use broker::Headers;
    use broker::consume::{Settings, open};

    use super::*;
    use crate::batching::batcher::Part;

    /// A reader needs no broker to be there.
    fn reader() -> Reader {
        let settings = Settings {
            group: "g".to_owned(),
            instance_id: None,
            session_timeout: Duration::from_secs(6),
            release_within: Duration::from_secs(1),
            queue_bytes: 1 << 20,
            fetch_bytes: 1 << 20,
        };
        open(&broker::Config::new("127.0.0.1:1", "events"), &settings, |_| {}).unwrap()
    }

    fn record(partition: i32, offset: i64) -> Record {
        let headers = Headers::default();
        Record { partition, offset, epoch: 0, leader_epoch: None, key: None, value: None, headers }
    }

    #[test]
    fn what_is_in_doubt_stays_so_in_both_halves_and_whatever_follows() {
        let part = |partition| {
            let records = vec![record(partition, 0), record(partition, 1)];
            (
                partition,
                Part {
                    since: 0,
                    expected: 0,
                    end_offset: 2,
                    unreadable: Vec::new(),
                    records,
                    vouched_below: 0,
                    witness: None,
                },
            )
        };
        let taken = Taken { log_id: 1, parts: [part(3), part(5)].into() };
        let work = Work::new(taken, reader());
        assert_eq!(work.in_doubt(), Vec::<i32>::new());
        let work = work.apart(true);
        assert_eq!(work.in_doubt(), [3, 5]);
        let work = work.apart(false);
        assert_eq!(work.in_doubt(), [3, 5]);
        let Ok((first, second)) = work.halve() else { panic!("four records are two and two") };
        let mut both = [first, second].iter().flat_map(Work::in_doubt).collect::<Vec<_>>();
        both.dedup();
        assert_eq!(both, [3, 5]);
    }

    #[test]
    fn an_event_that_is_blamed_is_a_dead_letter_and_a_dead_letter_goes_without_its_bytes() {
        let wire = br#"{"topic":"t","event_id":"1","source":"s","timestamp":"2025-01-01T00:00:00Z","payload":{}}"#;
        let event = Record { key: Some(b"t".to_vec()), value: Some(wire.to_vec()), ..record(0, 0) };
        let part = Part {
            since: 0,
            expected: 0,
            end_offset: 1,
            unreadable: Vec::new(),
            records: vec![event],
            vouched_below: 0,
            witness: None,
        };
        let mut work = Work::new(Taken { log_id: 1, parts: [(0, part)].into() }, reader());
        let dead = |work: &Work| match &work.batch.slices[0].entries[0].what {
            What::DeadLetter(dead) => dead.as_ref().clone(),
            What::Event(event) => panic!("{event:?}"),
        };
        assert_eq!(work.goes_into(), Some(Table::Events));
        work.blame("first");
        assert_eq!((dead(&work).reason.as_str(), dead(&work).raw.value), ("first", Some(wire.to_vec())));
        assert_eq!(work.goes_into(), Some(Table::DeadLetters));
        work.blame("second");
        assert_eq!(dead(&work).raw, Raw::default());
        // As `sha256sum` has it.
        assert_eq!(
            dead(&work).reason,
            "first; second; kept without its bytes: key 1 bytes, value 89 bytes with SHA-256 bc23e8c7774494ee81a8a66362fff556566e2431d0b62797b7158c6311ff435c, headers 0 bytes"
        );
        assert_eq!(work.goes_into(), None, "nothing is left to leave out");
    }

    #[test]
    fn each_half_knows_its_own_last_record() {
        let records = (4..8).map(|offset| record(0, offset)).collect();
        let witness = Some(witness::of(&record(0, 7)));
        let part =
            Part { since: 0, expected: 5, end_offset: 9, unreadable: Vec::new(), records, vouched_below: 0, witness };
        let taken = Taken { log_id: 1, parts: [(0, part)].into() };
        let seen = |work: &Work| work.batch.slices[0].witness.map(|witness| witness.offset);
        let work = Work::new(taken, reader());
        assert_eq!(seen(&work), Some(7));
        let Ok((first, second)) = work.halve() else { panic!("four records are two and two") };
        assert_eq!((seen(&first), seen(&second)), (Some(5), Some(7)));
        let Ok((redelivered, new)) = first.halve() else { panic!("two records are one and one") };
        assert_eq!((seen(&redelivered), seen(&new)), (None, Some(5)), "4 was counted before");
    }
}
