//! Answers of a broker in which something is not true, written over in place.
//!
//! Source: the Kafka protocol guide. A version that is laid out otherwise than is known here, or an answer
//! without the partition that is meant, stays as it is.

use super::frames::{Asked, Place, Question};

pub(super) const OFFSET_OUT_OF_RANGE: i16 = 1;
pub(super) const NOT_LEADER: i16 = 6;
pub(super) const NOT_AUTHORIZED: i16 = 29;
const OFFSET_NOT_AVAILABLE: i16 = 78;
/// What a broker without topic ids serves at most: API key and version, as Redpanda 24.3.
const WITHOUT_TOPIC_IDS: [(i16, i16); 2] = [(1, 11), (3, 8)];

/// What is not true.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lies {
    /// What is read of this partition is not so.
    pub(super) fetch: Option<(i32, Fetched)>,
    /// This partition is empty: told who asks for this end of it, and for the high one after the low one.
    pub(super) empty: Option<(i32, Place)>,
    /// Where this partition begins and ends is not told.
    pub(super) untold: Option<i32>,
    /// Topics have no ids.
    pub(super) no_topic_ids: bool,
}

/// What is wrong with what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// It is an error.
    Error(i16),
    /// A bit of its first batch has flipped.
    Damaged,
    /// The same, in the next answer to a consumer.
    DamagedOnce,
}

impl Lies {
    /// Has the answer say them, as far as it answers such a question. Gives those that are left.
    pub(super) fn tell(self, asked: Asked, answer: &mut [u8]) -> Self {
        let version = asked.version;
        let mut answer = Answer { bytes: answer, at: 8, flexible: false };
        let told = match asked.question {
            Question::Fetch => {
                let fetch = self.fetch.filter(|(_, what)| asked.by_consumer || *what != Fetched::DamagedOnce);
                fetch.and_then(|fetch| answer.fetch(version, fetch))
            }
            Question::ApiVersions => self.no_topic_ids.then(|| answer.without_topic_ids(version)).flatten(),
            Question::ListOffsets if self.untold.is_some() && asked.by_consumer => {
                self.untold.and_then(|partition| answer.untold(version, partition));
                None
            }
            Question::ListOffsets => {
                let empty = self.empty.filter(|(_, place)| asked.by_consumer && asked.place == Some(*place));
                empty.and_then(|(partition, _)| answer.empty(version, partition))
            }
        };
        match (asked.question, told) {
            (Question::Fetch, Some(())) if self.fetch.is_some_and(|(_, what)| what == Fetched::DamagedOnce) => {
                Lies { fetch: None, ..self }
            }
            (Question::ListOffsets, Some(())) => {
                let high = self.empty.filter(|(_, place)| *place == Place::Low).map(|(of, _)| (of, Place::High));
                Lies { empty: high, ..self }
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
    fn fetch(&mut self, version: i16, (partition, fetched): (i32, Fetched)) -> Option<()> {
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
                if let (true, Fetched::Error(code)) = (is_meant, fetched) {
                    return self.write(&code.to_be_bytes());
                }
                self.skip(2 + 8 + 8 + if version >= 5 { 8 } else { 0 })?;
                for _ in 0..self.count()? {
                    self.skip(8 + 8)?;
                    self.tags()?;
                }
                self.skip(if version >= 11 { 4 } else { 0 })?;
                let records = self.count()?;
                if is_meant {
                    return self.damage(records);
                }
                self.skip(records)?;
                self.tags()?;
            }
            self.tags()?;
        }
        None
    }

    /// A bit behind the head of the first batch, which begins with its first offset and its length. Some if it is
    /// there as a whole.
    fn damage(&mut self, records: usize) -> Option<()> {
        const HEAD: usize = 61;
        self.skip(8)?;
        let length = usize::try_from(self.i32()?).ok().filter(|length| (HEAD..=records).contains(&(length + 12)))?;
        self.skip((HEAD - 12).midpoint(length))?;
        *self.bytes.get_mut(self.at)? ^= 1;
        Some(())
    }

    /// `ListOffsets` 1 to 7. Some if it was the partition's.
    fn untold(&mut self, version: i16, partition: i32) -> Option<()> {
        self.find_offsets(version, partition)?;
        self.write(&OFFSET_NOT_AVAILABLE.to_be_bytes())
    }

    /// The same.
    fn empty(&mut self, version: i16, partition: i32) -> Option<()> {
        self.find_offsets(version, partition)?;
        self.skip(2 + 8)?;
        self.write(&0_i64.to_be_bytes())
    }

    /// The error code of this partition in `ListOffsets`; time and offset follow.
    fn find_offsets(&mut self, version: i16, partition: i32) -> Option<()> {
        self.flexible = version >= 6;
        self.tags()?;
        self.skip(if version >= 2 { 4 } else { 0 })?;
        for _ in 0..self.count()? {
            self.text()?;
            for _ in 0..self.count()? {
                if self.i32()? == partition {
                    return Some(());
                }
                self.skip(2 + 8 + 8 + if version >= 4 { 4 } else { 0 })?;
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

    const OUT_OF_RANGE: Fetched = Fetched::Error(OFFSET_OUT_OF_RANGE);

    fn asked(question: Question, version: i16) -> Asked {
        Asked { question, version, by_consumer: true, place: None }
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
        let lies = Lies { fetch: Some((1, OUT_OF_RANGE)), ..Lies::default() };
        // Tags of the head; time, error, session; one topic of two partitions.
        let head: &[&[u8]] = &[&[0], &[0; 10], &[2], &[7; 16], &[3]];
        let of = |error| answer(&[head.concat().as_slice(), &one_partition(0, 0), &one_partition(1, error), &[0, 0]]);
        let mut told = of(0);
        lies.tell(asked(Question::Fetch, 16), &mut told);
        assert_eq!(told, of(1));
        let mut true_answer = of(0);
        Lies { fetch: Some((2, OUT_OF_RANGE)), ..lies }.tell(asked(Question::Fetch, 16), &mut true_answer);
        assert_eq!(true_answer, of(0), "a partition that is not there");
    }

    #[test]
    fn a_bit_that_flips_once_does_so_for_consumers_and_not_again() {
        let batch = [&[0; 8][..], &[0, 0, 0, 60], &[7; 60]].concat();
        let of = |records: &[u8]| [&[0, 0, 0, 1, 0, 0][..], &[0; 24], &[0], &[255; 4], &[73], records, &[0]].concat();
        let head: &[&[u8]] = &[&[0], &[0; 10], &[2], &[7; 16], &[2]];
        let whole = answer(&[head.concat().as_slice(), &of(&batch), &[0, 0]]);
        let lies = Lies { fetch: Some((1, Fetched::DamagedOnce)), ..Lies::default() };
        let mut told = whole.clone();
        let left = lies.tell(Asked { by_consumer: false, ..asked(Question::Fetch, 16) }, &mut told);
        assert_eq!((&told, left.fetch), (&whole, lies.fetch));
        let left = lies.tell(asked(Question::Fetch, 16), &mut told);
        assert_eq!((told != whole, left.fetch), (true, None));
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
        Lies { fetch: Some((1, OUT_OF_RANGE)), ..Lies::default() }.tell(asked(Question::Fetch, 11), &mut told);
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
        let lies = Lies { empty: Some((5, Place::Low)), ..Lies::default() };
        let looks = |place, by_consumer| Asked { by_consumer, place, ..asked(Question::ListOffsets, 5) };
        let mut told = of(9);
        let mut left = lies;
        for truth in [looks(Some(Place::Low), false), looks(Some(Place::High), true), looks(None, true)] {
            left = left.tell(truth, &mut told);
            assert_eq!((&told, left.empty), (&of(9), Some((5, Place::Low))));
        }
        left = left.tell(looks(Some(Place::Low), true), &mut told);
        assert_eq!((&told, left.empty), (&of(0), Some((5, Place::High))));
        let mut told = of(9);
        left = left.tell(looks(Some(Place::High), true), &mut told);
        assert_eq!((&told, left.empty), (&of(0), None));
    }

    #[test]
    fn one_bit_of_the_first_batch_of_that_partition_flips() {
        // First offset, length behind it, and the rest of the batch; and another one.
        let batch = |fill: u8| [&[0; 8][..], &[0, 0, 0, 60], &[fill; 60]].concat();
        let records = [batch(7), batch(9)].concat();
        let of = |number: u8, records: &[u8]| {
            let head = [0, 0, 0, number, 0, 0];
            let length = u8::try_from(records.len() + 1).unwrap() | 0x80;
            [&head[..], &[0; 24], &[0], &[255; 4], &[length, 1], records, &[0]].concat()
        };
        let head: &[&[u8]] = &[&[0], &[0; 10], &[2], &[7; 16], &[3]];
        let whole = answer(&[head.concat().as_slice(), &of(0, &records), &of(1, &records), &[0, 0]]);
        let mut told = whole.clone();
        Lies { fetch: Some((1, Fetched::Damaged)), ..Lies::default() }.tell(asked(Question::Fetch, 16), &mut told);
        let flipped: Vec<(usize, u8)> =
            (0..).zip(&told).zip(&whole).filter(|((_, a), b)| a != b).map(|((n, a), b)| (n, a ^ b)).collect();
        let [(place, 1)] = flipped[..] else { panic!("{flipped:?}") };
        let second = whole.len() - 3 - records.len();
        assert!((second + 61..second + 72).contains(&place), "{place}, behind {second}");
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
            Lies { fetch: Some((0, OUT_OF_RANGE)), ..Lies::default() }.tell(asked(Question::Fetch, 16), &mut cut);
            assert_eq!(cut, whole);
        }
    }
}
