//! The simulator: plays publishers that repeat themselves, and gives a verdict on
//! what the server made of it.
//!
//! ```text
//! seed ──▶ plan ──▶ publish ──▶ drain ──▶ check ──▶ model ──▶ report
//!          pure     HTTP        HTTP      HTTP      pure
//! ```
//!
//! - [`plan`]: what is going to be sent, as data made from a seed.
//! - [`scenarios`]: the plans that have a name.
//! - [`publish`]: plays a plan and remembers what it was told.
//! - [`check`]: reads back what is there.
//! - [`model`]: judges, and knows neither socket nor clock.
//! - [`trial`]: the line above, from left to right.
//! - [`timeline`]: what happens meanwhile, by the clock.
//! - [`report`]: what it came to, as a table, a page with plots, or JSON.
//! - [`progress`]: what is happening now.
//! - [`server`]: the only module that speaks HTTP.
//! - [`bench`](mod@bench): how fast the services are, beside the limit in the same run; on a stack of its own.
//! - [`cli`]: the command line.

pub mod bench;
pub mod check;
pub mod cli;
pub mod model;
pub mod plan;
pub mod progress;
pub mod prove;
pub mod proxy;
pub mod publish;
pub mod report;
pub mod sample;
pub mod scenarios;
pub mod server;
pub mod testbed;
pub mod timeline;
pub mod trial;
