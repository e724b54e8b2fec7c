//! What the server shows after a run.

use std::collections::HashMap;

use super::ground_truth::GroundTruth;
use super::row::Row;
use crate::server::{Stats, TopicCount};

/// Everything that was read from the server for the verdict.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Rows of the run's topics, per topic in the order in which they were listed.
    pub rows: Vec<Row>,
    /// Rows in the run's topics that are no event of the plan.
    pub strangers: Vec<String>,
    /// Events asked for one by one that were answered otherwise than in the list.
    pub single_reads_differ: Vec<String>,
    /// How many events were asked for one by one.
    pub single_reads: usize,
    /// Counts of every topic that bears the run's prefix.
    pub topics: HashMap<String, TopicCount>,
    /// The counters, in the order in which they were read: before the first
    /// request, while publishing, after the drain.
    pub stats: Vec<Stats>,
    /// Whether others published meanwhile.
    pub others: Others,
    /// What log and database hold, where the stack is the simulator's own.
    pub ground_truth: Option<GroundTruth>,
}

impl Observed {
    /// Rows read so far.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.rows.len() + self.strangers.len()
    }
}

/// Whether counters of topics outside the run moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Others {
    /// They did not: the server's counters moved for this run alone.
    #[default]
    Silent,
    /// They did.
    Publishing,
    /// Too many topics to look at.
    Unknown,
}
