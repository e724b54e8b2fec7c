//! How a writer inserts now: in which order, and whether in the hope that no id is there yet.
//!
//! `ON CONFLICT` looks each id up before it inserts it: a fifth of all that PostgreSQL does for a new
//! row. Where repeats are settled before they come here, as most are, nothing is ever found. So the
//! rows go in by COPY behind a savepoint; if an id is there after all, the attempt is
//! taken back and the same batch goes in with `ON CONFLICT`, in the same transaction.

/// A smaller batch is not worth the savepoint.
const AT_LEAST: usize = 500;
/// An attempt in vain costs a batch's work and leaves as many dead rows: each one makes the next
/// wait for so many times as many batches without an id that was there...
const PATIENCE: u32 = 4;
/// ...up to this many.
const LONGEST: u32 = 256;

/// How a writer inserts now.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// In key order until the next success: two writers met on the same ids.
    pub(crate) in_key_order: bool,
    pub(crate) hope: Hope,
}

/// How one writer's batches went of late.
#[derive(Debug)]
pub(crate) struct Hope {
    /// Batches in a row in which every id was new.
    calm: u32,
    /// How many have to be before it is tried.
    needed: u32,
}

impl Default for Hope {
    fn default() -> Self {
        Hope { calm: 0, needed: 1 }
    }
}

impl Hope {
    /// Whether so many ids may be inserted without looking.
    pub(crate) fn allows(&self, ids: usize) -> bool {
        ids >= AT_LEAST && self.calm >= self.needed
    }

    /// It was in vain.
    pub(crate) fn failed(&mut self) {
        self.needed = (self.needed * PATIENCE).min(LONGEST);
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
        assert!(!hope.allows(AT_LEAST));
        hope.saw(0);
        assert!(hope.allows(AT_LEAST));
        assert!(!hope.allows(AT_LEAST - 1), "not worth it");
        hope.saw(1);
        assert!(!hope.allows(AT_LEAST));
    }

    #[test]
    fn each_attempt_in_vain_makes_the_next_come_later() {
        let mut hope = Hope::default();
        let mut waited = Vec::new();
        for _ in 0..6 {
            hope.saw(1);
            let calm = (0..).take_while(|_| {
                hope.saw(0);
                !hope.allows(AT_LEAST)
            });
            waited.push(calm.count() + 1);
            hope.failed();
        }
        assert_eq!(waited, [1, 4, 16, 64, 256, 256]);
    }
}
