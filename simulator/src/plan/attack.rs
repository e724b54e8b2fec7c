//! Clients that mean harm, or know no better.

use std::fmt;

use serde::Serialize;

/// What many clients do at once, all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attack {
    /// Headers of requests, 400 KB each, that never end.
    UnfinishedHeaders,
    /// Bodies of nearly the largest size that never end.
    EndlessBodies,
    /// The longest lists are asked for, and nothing of them is read.
    StalledReaders,
    /// Connections on which nothing is sent: to the api, and to the consumer's port.
    IdleConnections,
    /// Cursors that no list has given, some of them with the right check.
    ForgedCursors,
    /// Ids, paths, parameters and headers that are far too long.
    LongNames,
    /// Each event has an event topic of its own.
    ManyTopics,
}

impl Attack {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::UnfinishedHeaders,
        Self::EndlessBodies,
        Self::StalledReaders,
        Self::IdleConnections,
        Self::ForgedCursors,
        Self::LongNames,
        Self::ManyTopics,
    ];
}

impl fmt::Display for Attack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::UnfinishedHeaders => "unfinished headers",
            Self::EndlessBodies => "endless bodies",
            Self::StalledReaders => "stalled readers",
            Self::IdleConnections => "idle connections",
            Self::ForgedCursors => "forged cursors",
            Self::LongNames => "long names",
            Self::ManyTopics => "many topics",
        })
    }
}
