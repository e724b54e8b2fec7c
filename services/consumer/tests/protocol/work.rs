//! A batch on its way into the database, small enough to be a part of a state.

use std::hash::{Hash, Hasher};

use consumer::policy::Move;
use consumer::reading::witness;
use store::{Batch, LogId, Slice, Witness};

use crate::log::{Log, PARTITIONS, Slot};

/// The number of a beginning ([`GapDetector::since`](consumer::reading::gap_detector::GapDetector::since)). States that
/// differ in it alone are the same: it tells what is still ours from what is not, and what is not is
/// dropped at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(pub(crate) u64);

impl PartialEq for Since {
    fn eq(&self, _: &Since) -> bool {
        true
    }
}

impl Eq for Since {}

impl Hash for Since {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// One partition's part: [`store::Slice`] with its entries as a set of offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Piece {
    pub(crate) since: Since,
    /// What the partition held when it was read.
    pub(crate) tape: usize,
    pub(crate) expected: i64,
    pub(crate) end_offset: i64,
    pub(crate) vouched_below: i64,
    pub(crate) offsets: Offsets,
}

/// A set of offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Offsets(u8);

impl FromIterator<i64> for Offsets {
    fn from_iter<I: IntoIterator<Item = i64>>(offsets: I) -> Offsets {
        Offsets(offsets.into_iter().fold(0, |set, offset| set | 1 << offset))
    }
}

impl Piece {
    pub(crate) fn offsets(self) -> impl Iterator<Item = i64> {
        (0..8).filter(move |offset| self.offsets.0 & 1 << offset != 0)
    }

    /// What is kept of its last record, unless that is redelivered.
    pub(crate) fn witness(self, log: &Log) -> Option<Witness> {
        let last = self.offsets().last().filter(|offset| *offset >= self.expected);
        last.map(|offset| witness::of(&log.record(self.tape, offset)))
    }
}

/// A batch that is to be stored, or a half of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    pub(crate) log_id: LogId,
    pub(crate) pieces: [Option<Piece>; PARTITIONS],
    pub(crate) in_doubt: bool,
    /// Its record was found to be what the database refuses.
    pub(crate) blamed: bool,
}

impl Work {
    pub(crate) fn new(log_id: LogId, pieces: [Option<Piece>; PARTITIONS]) -> Work {
        Work { log_id, pieces, in_doubt: false, blamed: false }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = (usize, Piece)> {
        self.pieces.into_iter().enumerate().filter_map(|(partition, piece)| Some((partition, piece?)))
    }

    pub(crate) fn slots(&self, log: &Log) -> impl Iterator<Item = Slot> {
        self.parts().flat_map(move |(_, piece)| piece.offsets().map(move |offset| log.slot(piece.tape, offset)))
    }

    /// The partitions of which an earlier try may have been committed.
    pub(crate) fn partitions_in_doubt(&self) -> Vec<i32> {
        let all = self.parts().map(|(partition, _)| partition as i32);
        if self.in_doubt { all.collect() } else { Vec::new() }
    }

    pub(crate) fn moves(&self) -> Vec<Move> {
        let of = |(partition, piece): (usize, Piece)| Move {
            partition: partition as i32,
            expected: piece.expected,
            end_offset: piece.end_offset,
        };
        self.parts().map(of).collect()
    }

    /// What the transaction gets.
    pub(crate) fn batch(&self, log: &Log) -> Batch {
        let slice = |(partition, piece): (usize, Piece)| Slice {
            partition: partition as i32,
            expected: piece.expected,
            end_offset: piece.end_offset,
            entries: piece.offsets().map(|offset| log.entry(piece.tape, offset, self.blamed)).collect(),
            witness: piece.witness(log),
            vouched_below: piece.vouched_below,
        };
        Batch { log_id: self.log_id, slices: self.parts().map(slice).collect() }
    }

    /// The halves, as the store cuts them.
    pub(crate) fn halve(&self, log: &Log) -> Option<[Work; 2]> {
        let (first, second) = self.batch(log).halve().ok()?;
        Some([first, second].map(|batch| Work { pieces: self.pieces_of(&batch), ..*self }))
    }

    fn pieces_of(&self, half: &Batch) -> [Option<Piece>; PARTITIONS] {
        let mut pieces = [None; PARTITIONS];
        for slice in &half.slices {
            let (expected, end_offset) = (slice.expected, slice.end_offset);
            let offsets = slice.entries.iter().map(|entry| entry.offset).collect();
            let whole = self.pieces[slice.partition as usize];
            pieces[slice.partition as usize] = whole.map(|piece| Piece { expected, end_offset, offsets, ..piece });
        }
        pieces
    }
}
