//! From the Kafka log into PostgreSQL, each record once.
//!
//! ```text
//!  reading/                        batching/                  storing/
//!  poll thread ──▶ route ──▶ inbox ──▶ batcher ──▶ batch ──▶ group_commit ──▶ commits
//!   (broker)                    ▲         │                        │
//!                               └─────────┴────── start ◀──── aftermath
//! ```
//!
//! Each stage has a type of its own; whoever follows an event from the poll to the COMMIT follows these:
//!
//! | type | is | becomes the next by |
//! | --- | --- | --- |
//! | [`Arrived`](reading::inbox::Arrived) | one record, or the end of a partition, as it was read | [`Partitions::take_batch`](partitions::Partitions::take_batch) |
//! | [`Taken`](batching::batcher::Taken) | records of several partitions, checked for gaps | [`Work::new`](batching::batch::Work::new) |
//! | [`Work`](batching::batch::Work) | a batch, parsed; or a half of it, or one record of it | `GroupCommit::store` |
//! | [`Ended`](storing::group_commit::Ended) | stored, or failed, or to be brought alone | `Partitions::moved`, or `aftermath::of` |
//! | [`Move`](policy::Move) | how far a partition is stored | `Commits`, once a second |
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`policy`] | **every decision**: where to start, gaps, fence misses, failures (pure) |
//! | [`partitions`] | the partitions of a writer, and how each stands (pure); the protocol's test drives it |
//! | [`command`] | what follows from that, for the shell to carry out |
//! | [`assignment`] | the shell of it: reader, connection, starts, comparisons |
//! | [`store_loop`] | one writer's loop |
//! | [`run`](fn@run) | starting, watching and stopping all writers |
//! | [`admission`] | whether the group may be joined on this copy of the database (pure); `copy_watch` is its shell |
//! | [`reading`] | which log it is, where reading starts, what has arrived, gaps, the last record, batches that can't be read, partitions that stand still |
//! | [`batching`] | what has arrived, put into batches |
//! | [`storing`] | a batch until it is stored: in company, retries, halves, dead letters; the group's offsets |
//! | [`status`] | what is known about broker, database and topic, said once |
//! | [`planted`](mod@planted) | what planted bugs do here |
//!
//! Batching without waiting: while one transaction runs, what arrives piles up, and the next one
//! takes it all. Idle means at once, busy means large.

pub mod admission;
mod assignment;
mod backoff;
pub mod batching;
pub mod command;
mod config;
mod context;
mod copy_watch;
mod error;
pub mod partitions;
mod planted;
pub mod policy;
pub mod reading;
mod run;
mod status;
mod store_loop;
pub mod storing;

pub use config::{Config, OnTrimmed, OnUnreadable};
pub use error::ConsumerError;
pub use run::run;
pub use status::{Part, Status};
