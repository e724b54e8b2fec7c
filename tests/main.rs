//! What oncelog promises, shown on the real processes with a real broker and a real database.
//!
//! One file per guarantee; read the names of the tests as the specification. Each test has a Kafka
//! topic, a database and processes of its own, and speaks to them as a user would: over HTTP, on
//! the topic, in SQL. The judge shares no code with the judged.
//!
//! `make test` brings the stack up around them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod another_log;
mod bad_input;
mod bounded;
mod circles;
mod counts;
mod crowded;
mod database;
mod doctor;
mod documents;
mod examples;
mod help;
mod kept;
mod listing;
mod membership;
mod metrics;
mod network;
mod nothing_dropped;
mod once;
mod partitions_added;
mod planted;
mod proxied;
mod references;
mod restored;
mod said_once;
mod secrets;
mod settings;
mod standstill;
mod support;
mod untrusted;
mod whatever_is_valid;
