//! What there is to read, and what may go wrong.

use crate::log::{At, PARTITIONS, event};
use crate::model::{Kind, Scenario};

/// Every way in which processes, connections, the group and the database fail.
pub(crate) const EVERYTHING: &[Kind] =
    &[Kind::Crash, Kind::LostAnswer, Kind::Outage, Kind::Takeover, Kind::Rewind, Kind::FastForward, Kind::Restore];

const fn scenario(log: [&'static [At]; PARTITIONS], faults: &'static [Kind]) -> Scenario {
    Scenario { log, late: [0, 0], recent_keys: 0, faults, strikes: 2 }
}

/// A copy in the same partition, and a conflict over both.
pub(crate) const COPIES: Scenario =
    scenario([&[event('a', 1), event('a', 1), event('b', 1)], &[event('c', 1), event('a', 2)]], EVERYTHING);

/// Little to read, but more goes wrong.
pub(crate) const BAD_LUCK: Scenario = Scenario {
    strikes: 3,
    ..scenario(
        [&[event('a', 1), event('a', 1)], &[event('a', 2)]],
        &[Kind::Crash, Kind::LostAnswer, Kind::Takeover, Kind::FastForward, Kind::Restore],
    )
};

/// The markers of transactions between records and at the end, a log that grows, and a client that
/// leaves a record out.
pub(crate) const GAPS: Scenario = Scenario {
    late: [2, 0],
    ..scenario(
        [&[event('a', 1), At::Marker, event('b', 1), At::Marker], &[event('c', 1)]],
        &[Kind::Hole, Kind::Crash, Kind::LostAnswer, Kind::Takeover, Kind::Restore],
    )
};

/// A record that the database refuses, in the middle.
pub(crate) const POISON: Scenario = scenario(
    [&[event('a', 1), At::Poison { id: 'x' }, event('a', 1)], &[event('c', 1)]],
    &[Kind::Crash, Kind::LostAnswer, Kind::Takeover, Kind::Rewind, Kind::Restore],
);

/// Copies far apart, and connections that remember what they have stored.
pub(crate) const MEMORY: Scenario = Scenario {
    recent_keys: 8,
    ..scenario(
        [&[event('a', 1), event('b', 1), event('a', 1)], &[event('a', 1)]],
        &[Kind::LostAnswer, Kind::Outage, Kind::Takeover, Kind::Restore],
    )
};

/// Records are deleted, read or not, and the log grows behind them.
pub(crate) const RETENTION: Scenario = Scenario {
    late: [1, 0],
    ..scenario(
        [&[event('a', 1), At::Marker, event('a', 1), event('b', 1)], &[event('a', 2)]],
        &[Kind::Trim, Kind::Crash, Kind::LostAnswer, Kind::Takeover, Kind::Rewind],
    )
};
