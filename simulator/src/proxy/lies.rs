//! Answers of a broker in which something is not true, written over in place.
//!
//! Source: the Kafka protocol guide. A version that is laid out otherwise than is known here, or an answer
//! without the partition that is meant, stays as it is.

use super::frames::{Asked, Question};

const OFFSET_OUT_OF_RANGE: i16 = 1;
/// What a broker without topic ids serves at most: API key and version, as Redpanda 24.3.
const WITHOUT_TOPIC_IDS: [(i16, i16); 2] = [(1, 11), (3, 8)];

/// What is not true.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lies {
    /// Of this partition the broker has nothing at any offset.
    pub(super) out_of_range: Option<i32>,
    /// This partition is empty; told so many times more.
    pub(super) empty: Option<(i32, u8)>,
    /// Topics have no ids.
    pub(super) no_topic_ids: bool,
}

impl Lies {
    /// Has the answer say them, as far as it answers such a question. Gives those that are left.
    pub(super) fn tell(self, asked: Asked, answer: &mut [u8]) -> Self {
        let version = asked.version;
        let mut answer = Answer { bytes: answer, at: 8, flexible: false };
        let told = match asked.question {
            Question::Fetch => self.out_of_range.and_then(|partition| answer.out_of_range(version, partition)),
            Question::ApiVersions => self.no_topic_ids.then(|| answer.without_topic_ids(version)).flatten(),
            Question::ListOffsets => {
                let empty = self.empty.filter(|_| asked.by_consumer);
                empty.and_then(|(partition, _)| answer.empty(version, partition))
            }
        };
        match (asked.question, told) {
            (Question::ListOffsets, Some(())) => {
                Lies { empty: self.empty.map(|(of, times)| (of, times - 1)).filter(|(_, left)| *left > 0), ..self }
            }
            _ => self,
        }
    }
}

/// An answer, read from its correlation id on.
struct Answer<'a> {
    bytes: &'a mut [u8],
    at: usize,
    /// Whether lengths are variable, and tags follow each structure (KIP-482).
    flexible: bool,
}

/// Each method reads what comes next; none at the end.
impl Answer<'_> {
    /// Fetch 4 to 17. Some if it was the partition's.
    fn out_of_range(&mut self, version: i16, partition: i32) -> Option<()> {
        self.flexible = version >= 12;
        self.tags()?;
        self.skip(if version >= 7 { 4 + 2 + 4 } else { 4 })?;
        for _ in 0..self.count()? {
            if version >= 13 {
                self.skip(16)?;
            } else {
                self.text()?;
            }
            for _ in 0..self.count()? {
                let is_meant = self.i32()? == partition;
                if is_meant {
                    self.write(&OFFSET_OUT_OF_RANGE.to_be_bytes())?;
                    return Some(());
                }
                self.skip(2 + 8 + 8 + if version >= 5 { 8 } else { 0 })?;
                for _ in 0..self.count()? {
                    self.skip(8 + 8)?;
                    self.tags()?;
                }
                self.skip(if version >= 11 { 4 } else { 0 })?;
                let records = self.count()?;
                self.skip(records)?;
                self.tags()?;
            }
            self.tags()?;
        }
        None
    }

    /// `ListOffsets` 1 to 7. Some if it was the partition's.
    fn empty(&mut self, version: i16, partition: i32) -> Option<()> {
        self.flexible = version >= 6;
        self.tags()?;
        self.skip(if version >= 2 { 4 } else { 0 })?;
        for _ in 0..self.count()? {
            self.text()?;
            for _ in 0..self.count()? {
                let is_meant = self.i32()? == partition;
                self.skip(2 + 8)?;
                if is_meant {
                    self.write(&0_i64.to_be_bytes())?;
                    return Some(());
                }
                self.skip(8 + if version >= 4 { 4 } else { 0 })?;
                self.tags()?;
            }
            self.tags()?;
        }
        None
    }

    /// `ApiVersions` 0 to 4: its head is never flexible, so that every client can read it.
    fn without_topic_ids(&mut self, version: i16) -> Option<()> {
        self.flexible = version >= 3;
        self.skip(2)?;
        for _ in 0..self.count()? {
            let key = self.i16()?;
            self.skip(2)?;
            let most = self.at;
            let served = self.i16()?;
            if let Some((_, limit)) = WITHOUT_TOPIC_IDS.iter().find(|(of, limit)| *of == key && *limit < served) {
                self.at = most;
                self.write(&limit.to_be_bytes())?;
            }
            self.tags()?;
        }
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.bytes.get(self.at..self.at + N)?.try_into().ok()?;
        self.at += N;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// How many elements or bytes follow; none is null's number, too.
    fn count(&mut self) -> Option<usize> {
        if self.flexible {
            Some(self.varint()?.saturating_sub(1))
        } else {
            Some(usize::try_from(self.i32()?).unwrap_or(0))
        }
    }

    fn text(&mut self) -> Option<()> {
        let length = if self.flexible { self.count()? } else { usize::try_from(self.i16()?).unwrap_or(0) };
        self.skip(length)
    }

    fn tags(&mut self) -> Option<()> {
        let tags = if self.flexible { self.varint()? } else { 0 };
        for _ in 0..tags {
            self.varint()?;
            let size = self.varint()?;
            self.skip(size)?;
        }
        Some(())
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn write(&mut self, over: &[u8]) -> Option<()> {
        self.bytes.get_mut(self.at..self.at + over.len())?.copy_from_slice(over);
        self.skip(over.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(question: Question, version: i16) -> Asked {
        Asked { question, version, by_consumer: true }
    }

    /// The bytes of an answer behind size and correlation id.
    fn answer(body: &[&[u8]]) -> Vec<u8> {
        [&[0; 8][..], &body.concat()].concat()
    }

    fn one_partition(number: u8, error: u8) -> Vec<u8> {
        let head = [0, 0, 0, number, 0, error];
        let ends = [0; 24];
        // No aborted transactions, no preferred replica, two bytes of records, no tags.
        [&head[..], &ends, &[0], &[255; 4], &[3, b'a', b'b'], &[0]].concat()
    }

    #[test]
    fn a_fetch_is_out_of_range_of_that_partition_only() {
        let lies = Lies { out_of_range: Some(1), ..Lies::default() };
        // Tags of the head; time, error, session; one topic of two partitions.
        let head: &[&[u8]] = &[&[0], &[0; 10], &[2], &[7; 16], &[3]];
        let of = |error| answer(&[head.concat().as_slice(), &one_partition(0, 0), &one_partition(1, error), &[0, 0]]);
        let mut told = of(0);
        lies.tell(asked(Question::Fetch, 16), &mut told);
        assert_eq!(told, of(1));
        let mut true_answer = of(0);
        Lies { out_of_range: Some(2), ..lies }.tell(asked(Question::Fetch, 16), &mut true_answer);
        assert_eq!(true_answer, of(0), "a partition that is not there");
    }

    #[test]
    fn a_fetch_of_before_the_flexible_versions_is_read_too() {
        let partition = |number, error| {
            let head = [0, 0, 0, number, 0, error];
            // Null aborted transactions, no preferred replica, one byte of records.
            [&head[..], &[0; 24], &[255; 4], &[255; 4], &[0, 0, 0, 1, b'a']].concat()
        };
        let head: &[&[u8]] = &[&[0; 10], &[0, 0, 0, 1], &[0, 1, b't'], &[0, 0, 0, 2]];
        let of = |error| answer(&[head.concat().as_slice(), &partition(0, 0), &partition(1, error)]);
        let mut told = of(0);
        Lies { out_of_range: Some(1), ..Lies::default() }.tell(asked(Question::Fetch, 11), &mut told);
        assert_eq!(told, of(1));
    }

    #[test]
    fn a_partition_is_empty_as_often_as_it_is_to_be_and_to_consumers_only() {
        // Time; one topic "t" of one partition: number, error, timestamp, offset, epoch.
        let of = |offset| {
            answer(&[
                &[0; 4],
                &[0, 0, 0, 1],
                &[0, 1, b't'],
                &[0, 0, 0, 1],
                &[0; 3],
                &[5],
                &[0; 10],
                &[0; 7],
                &[offset],
                &[0; 4],
            ])
        };
        let lies = Lies { empty: Some((5, 1)), ..Lies::default() };
        let mut told = of(9);
        let left = lies.tell(Asked { by_consumer: false, ..asked(Question::ListOffsets, 5) }, &mut told);
        assert_eq!((&told, left.empty), (&of(9), Some((5, 1))));
        let left = lies.tell(asked(Question::ListOffsets, 5), &mut told);
        assert_eq!((&told, left.empty), (&of(0), None));
    }

    #[test]
    fn a_broker_without_topic_ids_serves_older_versions() {
        let of = |fetch, metadata| {
            let api = |key, most| [0, key, 0, 0, 0, most, 0];
            answer(&[&[0, 0], &[4], &api(0, 12), &api(1, fetch), &api(3, metadata), &[0; 5]])
        };
        let mut told = of(17, 13);
        Lies { no_topic_ids: true, ..Lies::default() }.tell(asked(Question::ApiVersions, 3), &mut told);
        assert_eq!(told, of(11, 8));
    }

    #[test]
    fn an_answer_that_ends_too_early_stays_as_it_is() {
        for length in 0..12 {
            let mut cut = vec![1; length];
            let whole = cut.clone();
            Lies { out_of_range: Some(0), ..Lies::default() }.tell(asked(Question::Fetch, 16), &mut cut);
            assert_eq!(cut, whole);
        }
    }
}
