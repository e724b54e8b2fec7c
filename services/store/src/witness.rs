//! What is kept of the last record that was stored.

/// The last record that a transaction has stored, as the log had it. A log that shows another one there is
/// another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// Its offset.
    pub offset: i64,
    /// The epoch of the leader that took it, where the broker tells.
    pub leader_epoch: Option<i32>,
    /// What its key and value hash to: the same in every process and version.
    pub hash: i64,
}
