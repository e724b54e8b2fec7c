//! The keys that this writer saw committed: most repeats arrive soon after their original,
//! and are settled here without asking the database.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use event::Event;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::planted;

/// Two keyed 128-bit hashes of an event: of its key, and of its payload's bytes.
///
/// Keyed with a secret of the process, so that nobody can choose two events that collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Of topic and event id.
    pub key: u128,
    /// Of the payload's bytes.
    pub payload: u128,
}

/// Makes fingerprints; one secret per process.
#[derive(Clone, Debug)]
pub struct Fingerprints {
    secret: [u8; 16],
}

impl Default for Fingerprints {
    fn default() -> Self {
        Fingerprints { secret: rand::random() }
    }
}

impl Fingerprints {
    /// The event's fingerprint.
    #[must_use]
    pub fn of(&self, event: &Event) -> Fingerprint {
        let mut key = SipHasher13::new_with_key(&self.secret);
        key.write(event.topic.as_str().as_bytes());
        // Neither name can contain a NUL, so the two can't run into each other.
        key.write_u8(0);
        key.write(event.event_id.as_str().as_bytes());
        let mut payload = SipHasher13::new_with_key(&self.secret);
        payload.write(event.payload.as_str().as_bytes());
        Fingerprint { key: key.finish128().as_u128(), payload: payload.finish128().as_u128() }
    }
}

/// The fingerprints are uniformly distributed already: their low half is the hash.
#[derive(Default)]
pub struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

/// A map by a fingerprint's hash.
pub type ByHash<V> = HashMap<u128, V, BuildHasherDefault<AlreadyHashed>>;

/// A bounded cache: key → payload of rows that this database session saw committed *with that payload*.
///
/// It is void, whole, after anything that could have taken such a row away: a new connection, a fence
/// miss, a COMMIT without an answer, a failed transaction, a prune. After a failover to an older copy
/// of the database, a stale entry would turn the only copy of an event into a "duplicate".
///
/// Two generations: when the young one is full it becomes the old one, and what the old one held is
/// forgotten; so between half and all of `limit` are remembered.
#[derive(Debug)]
pub struct Recent {
    limit: usize,
    young: ByHash<u128>,
    old: ByHash<u128>,
    prune_epoch: i64,
}

impl Recent {
    /// Remembers at most `limit` events, about 40 bytes each.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Recent { limit, young: ByHash::default(), old: ByHash::default(), prune_epoch: 0 }
    }

    /// Whether this very event was committed in this session. `false` = ask the database.
    #[must_use]
    pub fn holds(&self, print: Fingerprint) -> bool {
        let found = self.young.get(&print.key).or_else(|| self.old.get(&print.key));
        found == Some(&print.payload)
    }

    /// Remembers an event of a transaction that has committed.
    pub fn remember(&mut self, print: Fingerprint) {
        if self.young.len() >= self.limit / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        if self.limit > 1 {
            self.young.insert(print.key, print.payload);
        }
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        if planted::recent_keys_are_kept() {
            return;
        }
        self.young.clear();
        self.old.clear();
    }

    /// Forgets everything if rows were pruned since the last call.
    pub fn see_prune_epoch(&mut self, epoch: i64) {
        if self.prune_epoch != epoch {
            self.forget();
            self.prune_epoch = epoch;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(key: u128, payload: u128) -> Fingerprint {
        Fingerprint { key, payload }
    }

    #[test]
    fn only_equal_bytes_under_the_same_key_are_held() {
        let mut recent = Recent::new(10);
        recent.remember(print(1, 7));
        assert!(recent.holds(print(1, 7)));
        assert!(!recent.holds(print(1, 8)), "another payload must ask the database");
        assert!(!recent.holds(print(2, 7)));
    }

    #[test]
    fn it_stays_within_its_limit_and_forgets_the_oldest_first() {
        let mut recent = Recent::new(10);
        for key in 0..100 {
            recent.remember(print(key, 0));
            assert!(recent.young.len() + recent.old.len() <= 10);
        }
        assert!(recent.holds(print(99, 0)) && recent.holds(print(95, 0)));
        assert!(!recent.holds(print(0, 0)));
    }

    #[test]
    fn a_raised_prune_epoch_empties_it_whole() {
        let mut recent = Recent::new(10);
        recent.remember(print(1, 1));
        recent.see_prune_epoch(0);
        assert!(recent.holds(print(1, 1)));
        recent.see_prune_epoch(1);
        assert!(!recent.holds(print(1, 1)));
    }

    #[test]
    fn a_limit_of_zero_remembers_nothing() {
        let mut recent = Recent::new(0);
        recent.remember(print(1, 1));
        assert!(!recent.holds(print(1, 1)));
    }
}
