//! Whether a batch is inserted in the hope that none of its ids is there yet.
//!
//! `ON CONFLICT` looks each id up before it inserts it: a fifth of all that PostgreSQL does for a new
//! row. Where repeats are settled before they come here, as most are, nothing is ever found. So the
//! rows go in by [COPY](super::copy) behind a savepoint; if an id is there after all, the attempt is
//! taken back and the same batch goes in with `ON CONFLICT`, in the same transaction.

/// Attempts in vain cost a batch's work, and leave as many dead rows: only after so many batches in
/// a row that held no id that was there.
const CALM_FOR: u32 = 8;
/// A smaller batch is not worth the savepoint.
const AT_LEAST: usize = 500;

/// How one writer's batches went of late.
#[derive(Debug, Default)]
pub(crate) struct Hope {
    calm: u32,
}

impl Hope {
    /// Whether so many ids may be inserted without looking.
    pub(crate) fn allows(&self, ids: usize) -> bool {
        ids >= AT_LEAST && self.calm >= CALM_FOR
    }

    /// How many ids of a batch were there.
    pub(crate) fn saw(&mut self, refused: usize) {
        self.calm = if refused == 0 { self.calm.saturating_add(1) } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_with_calm_and_goes_with_the_first_id_that_was_there() {
        let mut hope = Hope::default();
        for _ in 0..CALM_FOR {
            assert!(!hope.allows(AT_LEAST));
            hope.saw(0);
        }
        assert!(hope.allows(AT_LEAST));
        assert!(!hope.allows(AT_LEAST - 1), "not worth it");
        hope.saw(1);
        assert!(!hope.allows(AT_LEAST));
    }
}
