//! What log and database hold, where the stack is the simulator's own.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::Attack;

/// Everything that was read past the services.
#[derive(Clone, Debug, Default)]
pub struct GroundTruth {
    /// `progress`: one page per incarnation of the log and partition.
    pub pages: Vec<Page>,
    /// `events`.
    pub rows: Vec<RowOf>,
    /// `conflicts`.
    pub conflicts: Vec<PlaceOf>,
    /// `dead_letters`.
    pub dead_letters: Vec<PlaceOf>,
    /// How many of them say that they are kept without the bytes of their record.
    pub without_bytes: i64,
    /// `topic_counts`, summed up per incarnation and partition.
    pub topic_counts: BTreeMap<(i32, i32), Counts>,
    /// Where each partition of the Kafka topic begins and ends.
    pub ends: Vec<Ends>,
    /// Every record that an independent consumer finds, per partition in order.
    pub records: Vec<LogRecord>,
    /// The group's offsets.
    pub committed: Vec<(i32, i64)>,
    /// What retention took before it was stored: `(partition, from, below)`.
    pub trimmed: Vec<(i32, i64, i64)>,
    /// Where the group was found beyond what was stored, while something was broken.
    pub ahead: Vec<String>,
    /// Records stored per second, as often as it was measured.
    pub paces: Vec<f64>,
    /// Positions that an api was seen to suspect.
    pub suspected: i64,
    /// What attackers did, in the order of the plan.
    pub attacked: Vec<Attacked>,
    /// The largest resident set of any service, in bytes.
    pub peak_memory: u64,
    /// Processes that ended otherwise than they should have.
    pub disorder: Vec<String>,
    /// Consumers on a copy of the database that were refused, and said why.
    pub refused_beside: usize,
    /// In what a copy that was worked with differs.
    pub differs_beside: Vec<String>,
    /// Whether the database says that it is the copy that is worked with.
    pub keeps_its_copy: bool,
    /// What the services have printed.
    pub printed: String,
}

/// What attackers did, and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attacked {
    /// What they did.
    pub attack: Attack,
    /// How often: connections and requests.
    pub done: u64,
    /// Answers of 5xx that they got, and how often.
    pub server_errors: BTreeMap<String, u64>,
    /// The largest resident set of each process meanwhile, in bytes.
    pub peaks: BTreeMap<String, u64>,
}

/// One partition of one incarnation of the log, as `progress` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The incarnation.
    pub log_id: i32,
    /// The partition.
    pub partition: i32,
    /// Where counting began.
    pub first_offset: i64,
    /// Up to where everything is accounted for.
    pub next_offset: i64,
    /// Records with an outcome.
    pub consumed: i64,
    /// By outcome.
    pub counts: Counts,
    /// Offsets without a record.
    pub skipped: i64,
    /// Records read again.
    pub redelivered: i64,
}

/// Records by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made a row.
    pub stored: i64,
    /// Repeated one.
    pub duplicates: i64,
    /// Contradicted one.
    pub conflicts: i64,
    /// Can't be stored.
    pub dead_letters: i64,
}

impl Counts {
    /// Records with any outcome.
    #[must_use]
    pub fn sum(self) -> i64 {
        self.stored + self.duplicates + self.conflicts + self.dead_letters
    }
}

/// A record's place in an incarnation of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceOf {
    /// The incarnation.
    pub log_id: i32,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// What an event is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its topic.
    pub topic: String,
    /// Its id.
    pub event_id: String,
}

/// A row of `events`.
#[derive(Clone, Debug, PartialEq)]
pub struct RowOf {
    /// The record that made it.
    pub place: PlaceOf,
    /// The event.
    pub key: Key,
    /// Its payload.
    pub payload: Value,
}

/// Where a partition of the Kafka topic begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The partition.
    pub partition: i32,
    /// The first offset that is there.
    pub low: i64,
    /// The next offset to be given away.
    pub high: i64,
}

/// A record as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The value.
    pub value: Option<Vec<u8>>,
}

impl GroundTruth {
    /// The newest incarnation of the log.
    #[must_use]
    pub fn newest(&self) -> Option<i32> {
        self.pages.iter().map(|page| page.log_id).max()
    }

    /// The pages of the newest incarnation.
    pub fn newest_pages(&self) -> impl Iterator<Item = &Page> {
        let newest = self.newest();
        self.pages.iter().filter(move |page| Some(page.log_id) == newest)
    }

    /// Sums over all pages: by outcome, skipped, redelivered.
    #[must_use]
    pub fn sums(&self) -> (Counts, i64, i64) {
        self.pages.iter().fold((Counts::default(), 0, 0), |(sum, skipped, redelivered), page| {
            let counts = Counts {
                stored: sum.stored + page.counts.stored,
                duplicates: sum.duplicates + page.counts.duplicates,
                conflicts: sum.conflicts + page.counts.conflicts,
                dead_letters: sum.dead_letters + page.counts.dead_letters,
            };
            (counts, skipped + page.skipped, redelivered + page.redelivered)
        })
    }

    /// Whether retention took the record at this position before it was stored.
    #[must_use]
    pub fn is_trimmed(&self, (partition, offset): (i32, i64)) -> bool {
        self.trimmed.iter().any(|(of, from, below)| *of == partition && (*from..*below).contains(&offset))
    }
}
