//! The stack under oncelog: a Kafka broker, PostgreSQL and the services, on one machine.
//!
//! - [`Stack::from_env`]: the addresses of the broker and the database that the surrounding
//!   `stack run` has started. What most tests want.
//! - [`Native::start`]: a broker and a database of one's own, that may be killed, paused and
//!   started again. What tests of faults want.
//! - [`Own::start`]: the same, as processes or in containers.
//! - [`Service`]: a host process (the service under test), with its log and its signals.
//! - [`free_port`]: a loopback port for it.
//! - [`Local`] and [`Composed`]: the stack that stays, as `make up` starts it.
//!
//! Everything here blocks. Nothing here knows what an event is: the services are known by the path
//! of their binary only.
//!
//! ```no_run
//! # fn main() -> stack::Result<()> {
//! let stack = stack::Native::start(&stack::Options::default())?;
//! stack.kafka().kill();
//! stack.kafka().start()?; // the same ports, the same data
//! let api = stack::Service::builder("api", "target/debug/oncelog", stack.dir().join("api.log"))
//!     .arg("api")
//!     .env("KAFKA_BROKERS", stack.kafka_brokers())
//!     .env("DATABASE_URL", stack.database_url())
//!     .env("PORT", stack::free_port()?.to_string())
//!     .spawn()?;
//! api.kill();
//! # Ok(()) }
//! ```

mod backend;
mod checkout;
mod command;
mod containers;
mod environment;
mod error;
mod janitor;
mod local;
mod native;
mod part;
mod port;
mod probe;
mod processes;
mod programs;
mod service;
mod spawner;
mod tail;
mod user;
mod wait;

pub use backend::{Backend, Own};
pub use checkout::checkout;
#[cfg(feature = "testcontainers")]
pub use containers::Containers;
pub use environment::{Kind, OF_ANOTHER_DATABASE, Stack};
pub use error::{Error, Result};
pub use local::{Composed, Local, Settings, Status, build_oncelog, build_with_planted_bugs, choice};
pub use native::{Native, Options, Proxied};
pub use part::Part;
pub use port::{free_port, is_answering, is_free};
pub use probe::wait_healthy;
pub use processes::{forget_peak, peak, resident, signal_tree};
pub use programs::has;
pub use rustix::process::Signal;
pub use service::{Service, ServiceBuilder};

/// Like `println!`, but a reader that has gone (`make ps | head`) is no reason to panic.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {{
        use ::std::io::Write as _;
        let _ = ::std::writeln!(::std::io::stdout(), $($text)*);
    }};
}
