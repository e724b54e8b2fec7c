//! What is open around the place that is being scanned.

use super::defect::PayloadDefect;
use crate::MAX_NESTING;

/// The objects and arrays that are open: one bit each, the innermost lowest.
#[derive(Default)]
pub(super) struct Levels {
    kinds: u64,
    depth: usize,
}

const _: () = assert!(MAX_NESTING == u64::BITS as usize);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Object,
}

impl Levels {
    pub(super) fn open(&mut self, kind: Kind) -> Result<(), PayloadDefect> {
        if self.depth == MAX_NESTING {
            return Err(PayloadDefect::TooDeep);
        }
        self.depth += 1;
        self.kinds = self.kinds << 1 | u64::from(kind == Kind::Object);
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.kinds >>= 1;
    }

    pub(super) fn innermost(&self) -> Option<Kind> {
        match (self.depth, self.kinds & 1) {
            (0, _) => None,
            (_, 0) => Some(Kind::Array),
            (_, _) => Some(Kind::Object),
        }
    }
}
