//! PostgreSQL: the only crate that names sqlx.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`append`] | **the one transaction**, and the exactly-once argument |
//! | [`batch`] | what a transaction is asked to store: records in log order, and how to split them |
//! | [`dedup`] | which records of a batch are repeats, and which the database must answer for (pure) |
//! | [`recent`] | the keys this writer saw committed |
//! | [`writer`] | one dedicated connection, and what its batches have taught it |
//! | `insert_mode` | how a writer inserts its next batch: by COPY or with `ON CONFLICT`, and in which order (pure) |
//! | `deadline` | a deadline on every wait |
//! | [`install`] | which installation this is, and which copy of it |
//! | `lock_holders` | who holds the lock that somebody waits for |
//! | [`logs`] | incarnations of the Kafka topic |
//! | `ids` | ids that a log gets later |
//! | [`progress`] | how far each partition has been stored |
//! | [`witness`] | what is kept of the last record that was stored |
//! | `suspicion` | what an api suspects of the log |
//! | [`verdicts`] | what became of a record |
//! | [`events`] | stored events, one or in pages |
//! | [`check`] | whether a database is fit, for `oncelog doctor` |
//! | [`counts`] | the counters behind `/stats` and `/topics` |
//! | `address` | `DATABASE_URL`, with several hosts |
//! | `config`, `connect`, `session` | connections: to a host that will do, with the session's settings proved |
//! | [`planted`](mod@planted) | what planted bugs do here |
//! | `pool` | [`Store`]: the connections for everything but the one transaction |
//! | [`schema`] | the one schema that holds the tables |
//! | `migrate` | the schema brought up to date, or found to be newer |
//! | [`error`] | what each failure allows the caller to do |

mod address;
pub mod append;
pub mod batch;
pub mod check;
mod config;
mod connect;
pub mod counts;
mod deadline;
pub mod dedup;
pub mod error;
pub mod events;
mod ids;
mod insert_mode;
pub mod install;
mod lock_holders;
pub mod logs;
mod migrate;
mod planted;
mod pool;
pub mod progress;
pub mod recent;
pub mod schema;
mod session;
mod suspicion;
pub mod verdicts;
pub mod witness;
pub mod writer;

pub use address::AddressError;
pub use append::{AppendError, Appended, Found, Table, Tally};
pub use batch::{Batch, DeadLetter, Entry, NO_VALUE, Raw, Slice, What};
pub use config::Config;
pub use dedup::Outcome;
pub use error::StoreError;
pub use install::{DatabaseCopy, Standing};
pub use logs::{Added, Log, LogId, Opened};
pub use pool::Store;
pub use progress::Progress;
pub use schema::Schema;
pub use witness::{LastStored, Witness};
pub use writer::{Session, Writer};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_can_log_in_prints_how() {
        let config = Config {
            url: "postgres://me:hunter2@127.0.0.1/db?password=hunter2".to_owned(),
            password: Some("hunter2".to_owned()),
            schema: Schema::default(),
            pool_size: 1,
        };
        let (store, writer) = (Store::open(&config).unwrap(), Writer::new(&config, 1).unwrap());

        let printed = format!("{config:?} {store:?} {writer:?} {:?}", store.verdict_reader());

        assert!(printed.contains("127.0.0.1:5432") && !printed.contains("hunter2"), "{printed}");
    }
}
