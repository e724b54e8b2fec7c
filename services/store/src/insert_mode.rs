//! How a writer inserts its next batch: in which order, and by COPY or with `ON CONFLICT`.
//!
//! `ON CONFLICT` looks each id up before it inserts the row. That is a fifth of PostgreSQL's work for a new row.
//! Most repeats are recognised before they reach the database, so the lookup nearly never finds anything. Large
//! batches therefore go in by COPY behind a savepoint. If an id exists after all, the writer rolls back to the
//! savepoint and inserts the same batch with `ON CONFLICT`, in the same transaction.

/// COPY is used for batches of at least this many ids: a smaller batch is not worth the savepoint.
const MIN_COPY_IDS: usize = 500;
/// A failed COPY costs the batch's work and leaves a dead row per event. After each failure this many times as
/// many batches in a row must be free of known ids before COPY is tried again.
const BACKOFF_FACTOR: u32 = 4;
/// The number of batches that `BACKOFF_FACTOR` grows to at most.
const MAX_CLEAN_BATCHES: u32 = 256;

/// How a writer inserts its next batch.
#[derive(Debug, Default)]
pub(crate) struct InsertMode {
    /// Sort by key. Set after two writers have waited for each other's ids, until the next success.
    pub(crate) in_key_order: bool,
    pub(crate) copy_policy: CopyPolicy,
}

/// Decides whether a batch goes in by COPY, from how the last ones went.
#[derive(Debug)]
pub(crate) struct CopyPolicy {
    /// Batches in a row in which every id was new.
    clean_batches: u32,
    /// How many of them COPY needs.
    needed: u32,
}

impl Default for CopyPolicy {
    fn default() -> Self {
        CopyPolicy { clean_batches: 0, needed: 1 }
    }
}

impl CopyPolicy {
    /// Whether a batch of so many ids goes in by COPY.
    pub(crate) fn allows(&self, ids: usize) -> bool {
        ids >= MIN_COPY_IDS && self.clean_batches >= self.needed
    }

    /// A COPY met an id that exists.
    pub(crate) fn failed(&mut self) {
        self.needed = (self.needed * BACKOFF_FACTOR).min(MAX_CLEAN_BATCHES);
    }

    /// So many ids of a batch existed already.
    pub(crate) fn observe(&mut self, known_ids: usize) {
        self.clean_batches = if known_ids == 0 { self.clean_batches.saturating_add(1) } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_is_used_after_a_clean_batch_and_not_after_a_known_id() {
        let mut policy = CopyPolicy::default();
        assert!(!policy.allows(MIN_COPY_IDS));
        policy.observe(0);
        assert!(policy.allows(MIN_COPY_IDS));
        assert!(!policy.allows(MIN_COPY_IDS - 1), "not worth it");
        policy.observe(1);
        assert!(!policy.allows(MIN_COPY_IDS));
    }

    #[test]
    fn each_failed_copy_makes_the_next_one_come_later() {
        let mut policy = CopyPolicy::default();
        let mut waited = Vec::new();
        for _ in 0..6 {
            policy.observe(1);
            let clean = (0..).take_while(|_| {
                policy.observe(0);
                !policy.allows(MIN_COPY_IDS)
            });
            waited.push(clean.count() + 1);
            policy.failed();
        }
        assert_eq!(waited, [1, 4, 16, 64, 256, 256]);
    }
}
