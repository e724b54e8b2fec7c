//! What rust-rdkafka's list of partitions does not give without a panic.

use std::slice;

use rdkafka::TopicPartitionList;

/// What was kept with each offset, in the order of the list. rust-rdkafka's own accessor panics on bytes that
/// are not UTF-8, which anybody who may commit to the group could keep there.
pub(crate) fn metadata(list: &TopicPartitionList) -> Vec<String> {
    // SAFETY: the list is alive while borrowed, and has as many elements as it says; an empty one is not read. The
    // metadata of each is null or as long as it says, and is copied.
    unsafe {
        match list.ptr().as_ref() {
            Some(native) if native.cnt > 0 => slice::from_raw_parts(native.elems, native.cnt as usize)
                .iter()
                .map(|one| {
                    if one.metadata.is_null() {
                        return String::new();
                    }
                    let bytes = slice::from_raw_parts(one.metadata.cast::<u8>(), one.metadata_size);
                    String::from_utf8_lossy(bytes).into_owned()
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}
