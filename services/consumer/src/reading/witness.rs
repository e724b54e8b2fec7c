//! What is kept of the last record that was stored, to know it again: pure.

use std::hash::Hasher;

use broker::consume::Record;
use siphasher::sip::SipHasher24;
use store::Witness;

/// Fixed: a hash is compared with one that another process made, years ago.
const KEY: &[u8; 16] = b"oncelog witness1";

/// What is kept of this record.
#[must_use]
pub fn of(record: &Record) -> Witness {
    let hash = hash(record.key.as_deref(), record.value.as_deref());
    Witness { offset: record.offset, leader_epoch: record.leader_epoch, hash }
}

/// SipHash-2-4 with the fixed key: of the key, then of the value, each a byte 0 if there is none; else a byte
/// 1, the length as 64 bits, the least byte first, and the bytes.
fn hash(key: Option<&[u8]>, value: Option<&[u8]>) -> i64 {
    let mut hasher = SipHasher24::new_with_key(KEY);
    for part in [key, value] {
        hasher.write(&[u8::from(part.is_some())]);
        if let Some(bytes) = part {
            hasher.write(&(bytes.len() as u64).to_le_bytes());
            hasher.write(bytes);
        }
    }
    hasher.finish().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_record_has_the_same_hash_in_every_version() {
        // As another implementation of SipHash computes them.
        assert_eq!(hash(Some(b"orders"), Some(b"{}")), 598_799_400_784_234_680);
        assert_eq!(hash(None, None), -1_097_404_729_219_329_881);
    }

    #[test]
    fn nothing_is_not_empty_and_key_and_value_do_not_run_into_each_other() {
        let different = [
            hash(None, None),
            hash(Some(b""), None),
            hash(None, Some(b"")),
            hash(Some(b""), Some(b"")),
            hash(Some(b"a"), Some(b"b")),
            hash(Some(b"ab"), Some(b"")),
            hash(Some(b""), Some(b"ab")),
        ];
        assert_eq!(BTreeSet::from(different).len(), different.len());
    }
}
