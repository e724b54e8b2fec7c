//! What is to be measured.

use std::path::PathBuf;
use std::time::Duration;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bench {
    /// From Kafka into PostgreSQL.
    Sink,
    /// From HTTP into Kafka.
    Ingest,
    /// From a request to its verdict.
    Latency,
    /// What the processes hold in memory.
    Memory,
    /// What becomes of it all in a large table.
    Growth,
}

/// How long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A few minutes in all; for trying something out.
    Quick,
    /// What `make bench` takes.
    Standard,
    /// A million events each.
    Full,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What is measured, in this order.
    pub benches: Vec<Bench>,
    /// How long it may take.
    pub size: Size,
    /// Events per measurement of the sink, in place of the size's own.
    pub events: Option<usize>,
    /// Only the workloads whose name contains this.
    pub only: Option<String>,
    /// How often what limits and what is limited take turns.
    pub rounds: usize,
    /// The binary that is measured.
    pub oncelog: PathBuf,
}

impl Terms {
    pub(super) fn sink_events(&self) -> usize {
        self.events.unwrap_or(match self.size {
            Size::Quick => 100_000,
            Size::Standard => 250_000,
            Size::Full => 1_000_000,
        })
    }

    /// How long a load lasts.
    pub(super) fn load_for(&self) -> Duration {
        match self.size {
            Size::Quick => Duration::from_secs(1),
            Size::Standard => Duration::from_secs(2),
            Size::Full => Duration::from_secs(5),
        }
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }
}
