//! From a batch to the COMMIT, and to the group's offsets.

pub(crate) mod aftermath;
pub mod commits;
pub(crate) mod duplicate_log;
pub mod group_commit;
