//! The means of the tests: processes to start and break, a client, a hand on the topic and in the
//! database, and the counters that must balance.
#![allow(clippy::needless_pass_by_value, reason = "a test writes its arguments in place")]

pub(crate) mod app;
pub(crate) mod binary;
pub(crate) mod client;
pub(crate) mod counters;
pub(crate) mod database;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod faults;
pub(crate) mod help;
pub(crate) mod log;
pub(crate) mod lost_answer;
pub(crate) mod nginx;
pub(crate) mod pgbouncer;
pub(crate) mod pretend;
pub(crate) mod program;
pub(crate) mod publisher;
pub(crate) mod quiet_group;
pub(crate) mod raw;
pub(crate) mod rights;
pub(crate) mod setup;
pub(crate) mod wait;

pub(crate) use app::App;
pub(crate) use events::{event, event_with, events};
pub(crate) use wait::until;
