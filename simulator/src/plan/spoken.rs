//! Faults in words.

use std::fmt;

use super::{Act, Beside, Break, DatabaseFault, Fault, Link, LogFault, Offsets, Who};
use crate::proxy::{Call, Flow, Lie, Trap};

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(who, act) => write!(out, "{act} {who}"),
            Self::Link(link, what) => write!(out, "{link}: {what}"),
            Self::Group(offsets) => write!(out, "group offsets set to {offsets}"),
            Self::Log(fault) => fault.fmt(out),
            Self::Database(fault) => fault.fmt(out),
            Self::Beside(Beside::Alike) => out.write_str("a consumer with the same settings starts on the copy"),
            Self::Beside(Beside::Apart) => out.write_str("a consumer with a group of its own starts on the copy"),
            Self::Attack(attack) => write!(out, "attack: {attack}"),
            Self::CallOff => out.write_str("the attackers leave"),
            Self::Compare => out.write_str("group offsets compared with progress"),
            Self::Settle => out.write_str("wait until all is stored"),
            Self::Suspected => out.write_str("wait until an api suspects the log"),
            Self::Stored(more) => write!(out, "wait until {more} more are stored"),
            Self::Pace { without, over } => write!(out, "measure for {over:?} the pace of all but partition {without}"),
            Self::Identified => out.write_str("wait until the topic's id is known"),
            Self::TooLittleMemory { mib, times } => {
                write!(out, "SIGKILL to consumer 0 whenever it holds more than {mib} MiB, {times} times")
            }
            Self::ClientProperty(property) => write!(out, "consumers that start have {property}"),
            Self::Stalled(partition) => write!(out, "wait until partition {partition} is said to stand still"),
            Self::GoesOn(partition) => write!(out, "wait until partition {partition} is said to go on"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api => out.write_str("the api"),
            Self::Consumer(place) => write!(out, "consumer {place}"),
            Self::Broker => out.write_str("the broker"),
            Self::Database => out.write_str("the database"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Kill => "SIGKILL to",
            Self::Stop => "SIGTERM to",
            Self::Start => "start",
            Self::Pause => "SIGSTOP to",
            Self::Resume => "SIGCONT to",
        })
    }
}

impl fmt::Display for Link {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Broker => "services and broker",
            Self::ConsumersToDatabase => "consumers and database",
            Self::ApiToDatabase => "api and database",
        })
    }
}

impl fmt::Display for Break {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => out.write_str("connections cut"),
            Self::Flow(Flow::Freely) => out.write_str("bytes pass"),
            Self::Flow(Flow::Slowly(delay)) => write!(out, "each message {delay:?} later"),
            Self::Flow(Flow::Stalled) => out.write_str("half-open, nothing passes"),
            Self::Flow(Flow::Closed) => out.write_str("connections refused"),
            Self::Lay(call, trap) => {
                let call = match call {
                    Call::Produce => "Produce",
                    Call::ListOffsets => "ListOffsets",
                    Call::OffsetCommit => "OffsetCommit",
                    Call::Commit => "COMMIT",
                };
                match trap {
                    Trap::Hold => write!(out, "every {call} is held"),
                    Trap::CutBefore => write!(out, "the next {call} is lost on its way"),
                    Trap::CutAfter => write!(out, "the answer to the next {call} is lost"),
                }
            }
            Self::Sprung => out.write_str("wait until the trap has sprung"),
            Self::Release => out.write_str("what was held passes"),
            Self::Lie(Lie::OutOfRange(partition)) => write!(out, "partition {partition} is out of range at any offset"),
            Self::Lie(Lie::Held(partition)) => write!(out, "nothing comes of partition {partition}"),
            Self::Lie(Lie::Forbidden(partition)) => write!(out, "nobody may read partition {partition}"),
            Self::Lie(Lie::Damaged(partition)) => {
                write!(out, "a bit flips in all that is read of partition {partition}")
            }
            Self::Lie(Lie::Empty(partition)) => write!(out, "partition {partition} seems empty at the next look"),
            Self::Lie(Lie::DamagedOnce(partition)) => {
                write!(out, "a bit flips once on the way from partition {partition}")
            }
            Self::Lie(Lie::Untold(partition)) => write!(out, "the ends of partition {partition} are not told"),
            Self::Lie(Lie::NoTopicIds) => out.write_str("topics have no ids"),
            Self::Truth => out.write_str("the broker says what is true"),
            Self::Mend => out.write_str("mended"),
        }
    }
}

impl fmt::Display for Offsets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => out.write_str("the beginning of the log"),
            Self::End => out.write_str("the end of the log"),
            Self::Somewhere(percents) => write!(out, "{percents:?} % of the partitions"),
        }
    }
}

impl fmt::Display for LogFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poison(count) => write!(out, "{count} records that are no events, on each partition"),
            Self::Transaction { events, committed: true } => {
                write!(out, "a transaction of {events} events per partition")
            }
            Self::Transaction { events, .. } => write!(out, "an aborted transaction of {events} events per partition"),
            Self::Open { partition, events } => {
                write!(out, "a transaction of {events} events in partition {partition} is left open")
            }
            Self::End { committed: true } => out.write_str("the open transaction is committed"),
            Self::End { .. } => out.write_str("the open transaction is aborted"),
            Self::Recreate => out.write_str("the Kafka topic is deleted and created again"),
            Self::Trim => out.write_str("retention takes all records, read or not"),
            Self::AddPartitions(count) => write!(out, "{count} partitions are added"),
            Self::Damage { partition, events } => {
                write!(out, "a batch of {events} events on partition {partition}, of which a bit flips on the disk")
            }
            Self::Repair => out.write_str("the bits on the disk are as they were"),
            Self::Packed { partition, events, at_once, codec } => {
                write!(out, "{events} MB of one letter on partition {partition}, {codec:?} in batches of {at_once}")
            }
            Self::Keep => out.write_str("the broker's files are copied aside"),
            Self::Cut => out.write_str("the broker comes back with its older files"),
        }
    }
}

impl fmt::Display for DatabaseFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy => out.write_str("the database is copied"),
            Self::Restore => out.write_str("the older copy of the database takes its place"),
            Self::DiskFull => out.write_str("the database's disk is full (53100)"),
            Self::RefuseDeadLetters { longer_than } => {
                write!(out, "dead letters of more than {longer_than} bytes are refused (54000)")
            }
            Self::DiskFree => out.write_str("the database's disk has room again"),
            Self::Connections(limit) => write!(out, "the role may have {limit} connections (53300)"),
            Self::AnyConnections => out.write_str("the role may have any number of connections"),
            Self::Lock => out.write_str("an outsider locks all progress"),
            Self::Unlock => out.write_str("the outsider lets go"),
            Self::Deadlock => out.write_str("an outsider locks progress in the wrong order (40P01)"),
            Self::Prune => out.write_str("every other event is deleted"),
            Self::Clean => out.write_str("dead letters and conflicts are deleted"),
            Self::LaxRules => out.write_str("dead letters become what a program with laxer rules made of them"),
            Self::ForgetWitness => out.write_str("nothing is known of the records that were stored last"),
        }
    }
}
