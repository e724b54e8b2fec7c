//! Which partition a record goes to.

use std::num::NonZeroI32;

use crate::ffi;

/// The partition of a key among so many, as Kafka's own clients choose it (murmur2). None where there are none.
///
/// Chosen here, it does not change with what the client has last heard of the broker: copies of an event
/// meet in one partition also after partitions were added.
#[must_use]
pub fn partition_of(key: &[u8], partitions: i32) -> Option<i32> {
    let partitions = NonZeroI32::new(partitions).filter(|count| count.get() > 0)?;
    Some(ffi::murmur2_partition(key, partitions))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests of Kafka's own client (`UtilsTest.testMurmur2`).
    const KAFKAS: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];

    #[test]
    fn a_key_goes_where_kafkas_own_client_would_send_it() {
        for (key, hash) in KAFKAS {
            for partitions in [1, 2, 3, 8, 12, 1000] {
                let expected = (hash & i32::MAX) % partitions;
                assert_eq!(partition_of(key.as_bytes(), partitions), Some(expected), "{key} of {partitions}");
            }
        }
    }

    #[test]
    fn among_no_partitions_there_is_none() {
        assert_eq!([partition_of(b"x", 0), partition_of(b"x", -1)], [None, None]);
        assert_eq!(partition_of(b"", 1), Some(0));
    }
}
