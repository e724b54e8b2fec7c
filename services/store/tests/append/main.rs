//! The one transaction, on a real PostgreSQL: what it does when it holds, when it may not, and when
//! nobody knows whether it did.
//!
//! Needs `DATABASE_URL`, whose user may create databases; `make test` sets it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod copies;
mod counting;
mod database;
mod failing;
mod fencing;
mod incarnations;
mod judging;
mod log;
mod recent;
mod records;
mod together;
mod traces;
mod verdicts;
mod witness;
