//! The containers backend: the engine, its images, and a stack of one's own by testcontainers.

#[cfg(feature = "testcontainers")]
mod broker;
#[cfg(all(test, feature = "testcontainers"))]
mod command_lines;
mod engine;
mod images;
#[cfg(feature = "testcontainers")]
mod own;

pub(crate) use self::engine::{Engine, compose, compose_files};
pub(crate) use self::images::Images;
#[cfg(feature = "testcontainers")]
pub use self::own::Containers;
