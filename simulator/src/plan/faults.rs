//! What breaks, and when: faults as data.

use std::time::Duration;

use serde::Serialize;

use super::attack::Attack;
use crate::proxy::{Call, Flow, Lie, Trap};

/// The sum of a service's budgets with their defaults, several times over.
const MEMORY_MIB: u64 = 256;

/// The variable that lets the services use partitions that were added.
pub const ACCEPT_LAYOUT_CHANGE: &str = "ONCELOG_ACCEPT_LAYOUT_CHANGE";

/// The variable by which a partition is found sooner to stand still.
pub const STALLED_AFTER: &str = "ONCELOG_STALLED_AFTER";

/// What the stack is like on which a plan with faults is played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Consumers that run from the beginning; the plan may start more.
    pub consumers: usize,
    /// Partitions of the Kafka topic.
    pub partitions: i32,
    /// No service may grow beyond this, whatever the backlog, in MiB.
    pub memory_mib: u64,
    /// Variables of every process.
    pub variables: Vec<(&'static str, String)>,
    /// What the broker says from the beginning that is not true.
    pub lie: Option<Lie>,
}

impl Setting {
    /// Whether the services may lay the log out anew, so that copies of an event come to lie in two partitions.
    #[must_use]
    pub fn accepts_another_layout(&self) -> bool {
        self.variables.iter().any(|(name, value)| *name == ACCEPT_LAYOUT_CHANGE && value == "true")
    }
}

impl Default for Setting {
    fn default() -> Self {
        Self { consumers: 1, partitions: 4, memory_mib: MEMORY_MIB, variables: Vec::new(), lie: None }
    }
}

/// One fault and its moment. Injections follow each other in the order of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Injection {
    /// The moment.
    pub when: When,
    /// What happens then.
    pub fault: Fault,
}

/// The moment of an injection; never before the injection that precedes it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// As soon as so many copies of events have their final answer.
    Answered(usize),
    /// So long after the injection before it.
    After(Duration),
    /// When every request of the phases before this one has its answer; the phase
    /// begins when the injection is done.
    Before(u32),
}

/// Something that breaks, or mends, or is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Something is done to a process.
    Process(Who, Act),
    /// Something is done to the connections between two.
    Link(Link, Break),
    /// Somebody tampers with the group's offsets, while it is empty.
    Group(Offsets),
    /// Somebody tampers with the log.
    Log(LogFault),
    /// Somebody tampers with the database.
    Database(DatabaseFault),
    /// Somebody starts a consumer on a copy of the database that lives beside it.
    Beside(Beside),
    /// Clients begin to do harm, and go on for a while.
    Attack(Attack),
    /// They leave at once, whether they are done or not.
    CallOff,
    /// Everything that is in the log is stored.
    Settle,
    /// An api says, in the database, that a position can't be; for a while, and if it does not, that is for the
    /// judge to see.
    Suspected,
    /// The group's offsets are compared with progress: they may never lead, whatever is broken.
    Compare,
    /// So many more records are accounted for in the database than at this injection's
    /// beginning.
    Stored(i64),
    /// For so long it is measured how fast all partitions but this one are stored.
    Pace {
        /// The one that does not count.
        without: i32,
        /// How long.
        over: Duration,
    },
    /// The database knows the id of the Kafka topic.
    Identified,
    /// Consumers that are started from now on have this setting of the Kafka client.
    ClientProperty(&'static str),
    /// The first consumer is killed as soon as it holds more than so many MiB, and started again; so often.
    TooLittleMemory {
        /// MiB.
        mib: u64,
        /// How often.
        times: u32,
    },
    /// Consumer and api say that this partition stands still; for a while, and if they do not, that is for the
    /// judge to see.
    Stalled(i32),
    /// The consumer says that this partition goes on, and the api says nothing of it any more; likewise.
    GoesOn(i32),
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The api.
    Api,
    /// A consumer, by its place.
    Consumer(usize),
    /// The Kafka broker.
    Broker,
    /// PostgreSQL.
    Database,
}

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// SIGKILL.
    Kill,
    /// SIGTERM, and it has to end in order.
    Stop,
    /// Started, again if it has ended.
    Start,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
}

/// The connections between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Between the services and the broker.
    Broker,
    /// Between the consumers and the database.
    ConsumersToDatabase,
    /// Between the api and the database.
    ApiToDatabase,
}

/// What is done to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// All are closed; new ones are welcome.
    Cut,
    /// Bytes pass in another way.
    Flow(Flow),
    /// A call is waited for.
    Lay(Call, Trap),
    /// Until the trap has caught a call.
    Sprung,
    /// The trap is taken away, and what it holds passes.
    Release,
    /// The broker says what is not true, besides what it says already.
    Lie(Lie),
    /// The broker says what is true again.
    Truth,
    /// All is as it was before.
    Mend,
}

/// What the group's offsets are set to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Offsets {
    /// The beginning of the log.
    Beginning,
    /// The end of the log, stored or not.
    End,
    /// Per partition somewhere between its beginning (0) and its end (100), in percent.
    Somewhere(Vec<u8>),
}

/// What is done to the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFault {
    /// Records that are no events are appended to each partition, so many.
    Poison(usize),
    /// Valid events are appended to each partition in one transaction, which is
    /// committed or aborted.
    Transaction {
        /// Events per partition.
        events: usize,
        /// How it ends.
        committed: bool,
    },
    /// Another producer begins a transaction with so many events in one partition, and leaves it open.
    Open {
        /// The partition.
        partition: i32,
        /// Events in it.
        events: usize,
    },
    /// The transaction that is open is committed or aborted.
    End {
        /// How it ends.
        committed: bool,
    },
    /// The Kafka topic is deleted and created again.
    Recreate,
    /// Retention takes everything that is there, read or not.
    Trim,
    /// So many partitions are added.
    AddPartitions(i32),
    /// So many valid events are appended to a partition, as one batch that says so where it lies; then a bit of
    /// it flips on the broker's disk.
    Damage {
        /// The partition.
        partition: i32,
        /// How many.
        events: usize,
    },
    /// All bits that were flipped are as they were.
    Repair,
    /// Valid events of 1 MB of one letter each are appended to a partition.
    Packed {
        /// The partition.
        partition: i32,
        /// How many.
        events: usize,
        /// How many at most in one batch.
        at_once: usize,
        /// How it is packed.
        codec: Codec,
    },
    /// The broker's files are copied aside. The broker is stopped and started for it.
    Keep,
    /// The broker is killed, and comes back with the files that were kept.
    Cut,
}

/// How a batch is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Which has no limit when it is unpacked.
    Lz4,
    /// Of which librdkafka unpacks `receive.message.max.bytes`.
    Zstd,
}

/// What is done to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseFault {
    /// A copy of it is made.
    Copy,
    /// The copy takes its place.
    Restore,
    /// Every insert of an event is refused as if the disk were full (53100).
    DiskFull,
    /// Inserts are taken again.
    DiskFree,
    /// Dead letters whose value is longer than so many bytes are refused, as if they were too large for
    /// PostgreSQL (54000).
    RefuseDeadLetters {
        /// Bytes; below zero: all are.
        longer_than: i64,
    },
    /// The services' role may open so many connections; those it has are closed.
    Connections(i32),
    /// The role may open as many as it likes.
    AnyConnections,
    /// An outsider locks the progress of every partition.
    Lock,
    /// The outsider lets go.
    Unlock,
    /// An outsider locks two partitions in the wrong order, until one of the two
    /// transactions is made the victim.
    Deadlock,
    /// Somebody deletes every other event.
    Prune,
    /// Somebody deletes all dead letters and conflicts.
    Clean,
    /// Dead letters are turned into what a program with laxer rules would have made of them: events and
    /// their repeats.
    LaxRules,
    /// The records that were stored last are not known: a program of before did not keep them.
    ForgetWitness,
}

/// A consumer on a copy of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    /// With the settings of those on the original.
    Alike,
    /// With a group of its own.
    Apart,
}

/// What has to be found afterwards, or else the faults have not struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// Records were read more than once.
    Redelivered,
    /// Requests were sent more than once.
    SentAgain,
    /// So many dead letters.
    DeadLetters(i64),
    /// So many dead letters without the bytes of their record.
    WithoutBytes(i64),
    /// Offsets were skipped.
    Skipped,
    /// An api suspected the log.
    Suspected,
    /// The Kafka topic had so many incarnations.
    Incarnations(usize),
    /// So many consumers on a copy were refused.
    RefusedBeside(usize),
    /// The copy holds what the original holds.
    AlikeBeside,
    /// The database says that it is the copy that is worked with.
    ItsCopyKept,
    /// A service has said so in its log.
    Said(&'static str),
    /// Of all partitions but this one, hardly any record was read more than once.
    ReadOnce {
        /// The one that does not count.
        but: i32,
    },
    /// Consumer and api have said that this partition stands still, the consumer also why, and that it goes on.
    /// No other one does.
    Stalled {
        /// The partition.
        partition: i32,
        /// What the consumer says.
        why: &'static str,
    },
    /// What lies behind an open transaction was told apart from what is pending.
    BehindTransaction,
    /// At no [`Fault::Pace`] it was less than half of what it was at the first.
    Pace,
}

/// What a plan's faults change by their nature, whatever the services do.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nature {
    /// Counters go back: an older copy of the database took its place, or they were changed.
    pub counters_go_back: bool,
    /// Offsets begin anew: positions of before mean something else.
    pub new_incarnation: bool,
    /// The group's offsets are not the services' own.
    pub group_is_tampered_with: bool,
    /// Rows are taken away on purpose.
    pub rows_vanish: bool,
}

impl Nature {
    /// Of these injections.
    #[must_use]
    pub fn of(injections: &[Injection]) -> Self {
        let any = |matches: fn(&Fault) -> bool| injections.iter().any(|injection| matches(&injection.fault));
        Self {
            counters_go_back: any(|fault| {
                matches!(fault, Fault::Database(DatabaseFault::Restore | DatabaseFault::LaxRules))
            }),
            new_incarnation: any(|fault| matches!(fault, Fault::Log(LogFault::Recreate | LogFault::Cut))),
            group_is_tampered_with: any(|fault| matches!(fault, Fault::Group(_))),
            rows_vanish: any(|fault| {
                use DatabaseFault::{Clean, LaxRules, Prune};
                matches!(fault, Fault::Database(Prune | Clean | LaxRules))
            }),
        }
    }
}
