//! A batch on its way into the database, small enough to be a part of a state.

use std::hash::{Hash, Hasher};

use consumer::decide::Move;
use store::{Batch, Slice};

use crate::log::{Log, PARTITIONS};

/// The number of a beginning ([`Intake::since`](consumer::reading::intake::Intake::since)). States that
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
    pub(crate) expected: i64,
    pub(crate) upto: i64,
    offsets: u8,
}

impl Piece {
    pub(crate) fn new(since: Since, (expected, upto): (i64, i64), offsets: impl IntoIterator<Item = i64>) -> Piece {
        Piece { since, expected, upto, offsets: offsets.into_iter().fold(0, |set, offset| set | 1 << offset) }
    }

    pub(crate) fn offsets(self) -> impl Iterator<Item = i64> {
        (0..8).filter(move |offset| self.offsets & 1 << offset != 0)
    }
}

/// A batch that is to be stored, or a half of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    pub(crate) pieces: [Option<Piece>; PARTITIONS],
    pub(crate) in_doubt: bool,
    /// Its record was found to be what the database refuses.
    pub(crate) blamed: bool,
}

impl Work {
    pub(crate) fn new(pieces: [Option<Piece>; PARTITIONS]) -> Work {
        Work { pieces, in_doubt: false, blamed: false }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = (usize, Piece)> {
        self.pieces.into_iter().enumerate().filter_map(|(partition, piece)| Some((partition, piece?)))
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = (usize, i64)> {
        self.parts().flat_map(|(partition, piece)| piece.offsets().map(move |offset| (partition, offset)))
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
            upto: piece.upto,
        };
        self.parts().map(of).collect()
    }

    /// What the transaction gets.
    pub(crate) fn batch(&self, log: &Log) -> Batch {
        let slice = |(partition, piece): (usize, Piece)| Slice {
            partition: partition as i32,
            expected: piece.expected,
            upto: piece.upto,
            entries: piece.offsets().map(|offset| log.entry(partition, offset, self.blamed)).collect(),
        };
        Batch { log_id: 1, slices: self.parts().map(slice).collect() }
    }

    /// The halves, as the store cuts them.
    pub(crate) fn halve(&self, log: &Log) -> Option<[Work; 2]> {
        let (first, second) = self.batch(log).halve().ok()?;
        Some([first, second].map(|batch| Work { pieces: self.pieces_of(&batch), ..*self }))
    }

    fn pieces_of(&self, half: &Batch) -> [Option<Piece>; PARTITIONS] {
        let mut pieces = [None; PARTITIONS];
        for slice in &half.slices {
            let offsets = slice.entries.iter().map(|entry| entry.offset);
            let since = self.pieces[slice.partition as usize].map(|piece| piece.since);
            pieces[slice.partition as usize] =
                since.map(|since| Piece::new(since, (slice.expected, slice.upto), offsets));
        }
        pieces
    }
}
