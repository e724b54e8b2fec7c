//! What keeps a partition from being read on.

/// What keeps a partition from being read on. Comes behind the records that were read before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionFailure {
    /// The Kafka partition.
    pub partition: i32,
    /// The start that was read under.
    pub epoch: u64,
    /// The offset that it is about, if it is about one: of a batch, its first.
    pub offset: Option<i64>,
    /// What it means.
    pub kind: FailureKind,
    /// In librdkafka's words.
    pub reason: String,
}

/// What a failure means for its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A batch can't be unpacked, is damaged, or is of a kind that is not known. Nothing more of the partition
    /// comes until `Reader::start`.
    Unreadable,
    /// The right to read was taken away. It goes on by itself.
    NotAuthorized,
    /// Anything else. It goes on by itself.
    Other,
}
