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

/// What is known of the last record that was stored of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastStored {
    /// The last record of all.
    Witness(Witness),
    /// The event that lies highest, where no witness was kept: a program of before has stored it.
    Event {
        /// Its offset.
        offset: i64,
        /// Its topic.
        topic: String,
        /// Its id within the topic.
        event_id: String,
    },
}

impl LastStored {
    /// Where it lies.
    #[must_use]
    pub fn offset(&self) -> i64 {
        match self {
            LastStored::Witness(Witness { offset, .. }) | LastStored::Event { offset, .. } => *offset,
        }
    }
}
