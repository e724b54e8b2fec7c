//! What there is to read, and what may go wrong.

use crate::log::{At, PARTITIONS, Refill, event};
use crate::model::{By, Kind, Scenario};

/// Every way in which processes, connections, the group and the database fail.
pub(crate) const EVERYTHING: &[Kind] =
    &[Kind::Crash, Kind::LostAnswer, Kind::Outage, Kind::Takeover, Kind::Rewind, Kind::FastForward, Kind::Restore];

const fn scenario(log: [&'static [At]; PARTITIONS], faults: &'static [Kind]) -> Scenario {
    Scenario { log, late: [0, 0], refills: [None, None], noticed_by: By::Client, recent_keys: 0, faults, strikes: 2 }
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

/// The log loses its end, and other records take its place, more than there were: also the record that was
/// stored last, at the same offset.
pub(crate) const CUT: Scenario = Scenario {
    refills: [Some(Refill { from: 0, with: &[event('c', 1), event('b', 1), event('d', 1)] }), None],
    ..scenario(
        [&[event('a', 1), event('b', 1)], &[event('a', 2)]],
        &[Kind::Cut, Kind::Crash, Kind::LostAnswer, Kind::Takeover, Kind::Rewind],
    )
};

/// What is lost is a marker behind the last record. The gap is read twice, by a client that has not read
/// anything else since.
pub(crate) const CUT_MARKER: Scenario = Scenario {
    refills: [Some(Refill { from: 1, with: &[event('c', 1), event('d', 1)] }), None],
    ..scenario([&[event('a', 1), At::Marker], &[event('a', 2)]], &[Kind::Cut, Kind::Crash, Kind::LostAnswer])
};

/// What is lost is a marker, and there never was a record.
pub(crate) const CUT_EMPTY: Scenario = Scenario {
    noticed_by: By::Nobody,
    refills: [Some(Refill { from: 0, with: &[event('c', 1), event('d', 1)] }), None],
    ..scenario([&[At::Marker], &[event('a', 2)]], &[Kind::Cut, Kind::Crash])
};

/// The broker tells no epochs, and the log is as long as it was when somebody looks again. What is lost was a
/// repeat, and has left nothing at its position.
pub(crate) const CUT_UNSEEN: Scenario = Scenario {
    noticed_by: By::Nobody,
    refills: [Some(Refill { from: 1, with: &[event('c', 1), event('d', 1), event('e', 1)] }), None],
    ..scenario([&[event('a', 1), event('a', 1)], &[event('a', 2)]], &[Kind::Cut, Kind::Crash, Kind::Takeover])
};

/// The same while somebody reads on behind what was lost.
pub(crate) const CUT_SUSPECTED: Scenario =
    Scenario { noticed_by: By::Api, faults: &[Kind::Cut, Kind::Crash], ..CUT_UNSEEN };

/// An api suspects a log that is as it was.
pub(crate) const SUSPICION: Scenario = scenario(
    [&[event('a', 1), event('a', 1), At::Marker], &[event('a', 2)]],
    &[Kind::Suspicion, Kind::Crash, Kind::Takeover],
);
/// A broker that says once what is not true, and a log that grows meanwhile, or is trimmed in truth.
pub(crate) const LIES: Scenario = Scenario {
    late: [1, 0],
    ..scenario(
        [&[event('a', 1), event('a', 1), event('b', 1)], &[event('a', 2)]],
        &[Kind::Lie, Kind::Trim, Kind::Crash, Kind::LostAnswer, Kind::Takeover],
    )
};
