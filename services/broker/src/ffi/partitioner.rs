//! Which partition a key belongs to.

use std::num::NonZeroI32;
use std::ptr;

use rdkafka_sys as sys;

/// The partition of a key among so many, by the function that the client itself chooses with.
pub(crate) fn murmur2_partition(key: &[u8], partitions: NonZeroI32) -> i32 {
    let (count, none) = (partitions.get(), ptr::null_mut());
    // SAFETY: the key is read while it is borrowed; the topic and the opaque pointers are not looked at.
    unsafe { sys::rd_kafka_msg_partitioner_murmur2(ptr::null(), key.as_ptr().cast(), key.len(), count, none, none) }
}
