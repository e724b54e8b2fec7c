//! What is found out about the topic.

use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// A guarantee is weaker for it.
    Warn,
}

/// Something about the topic that its operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What it is, and what comes of it.
    pub text: String,
    /// The command that mends it, where there is one.
    pub fix: Option<String>,
}

impl fmt::Display for Finding {
    /// For a log line: what it is, and what mends it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.fix.as_ref().map_or(Ok(()), |fix| write!(f, "; run: {fix}"))
    }
}

/// The topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicReport {
    /// How many partitions it has.
    pub partitions: i32,
    /// Replicas of the partition that has the fewest.
    pub replicas: usize,
    /// What its operator should know.
    pub findings: Vec<Finding>,
}
