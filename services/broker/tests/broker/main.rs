//! The crate against a real Kafka broker. `KAFKA_BROKERS` says where it is; every
//! test has a topic of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod appending;
mod describing;
mod kafka;
mod membership;
mod outages;
mod reading;
