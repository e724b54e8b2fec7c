//! What an event is: its fields and their rules, its form on the wire, and what a client is told
//! when it sends something else. And which log holds it, under which key. No I/O, no async; the same
//! rules hold for the API and for the consumer, so that what the one accepts the other can store.
//!
//! | module        | holds                                                                   |
//! | ------------- | ----------------------------------------------------------------------- |
//! | [`mod@body`]  | the three shapes of a publish request: one event, an array, `{"events"}` |
//! | `event`       | [`Event`]                                                               |
//! | `record`      | [`Event::parse`]: one JSON object, read                                 |
//! | `wire`        | [`Event::encode`]: the JSON that is appended to the log                 |
//! | `log`         | [`LogIdentity`], [`PartitionBy`], [`Event::partition_key`]              |
//! | `fields`      | the members of an event's object, captured and checked one by one       |
//! | `name`        | [`Topic`], [`EventId`], [`Source`]                                      |
//! | `timestamp`   | [`Timestamp`]: ISO 8601 in, RFC 3339 in UTC out                         |
//! | `payload`     | [`Payload`]: the text of a JSON object that a database can keep         |
//! | `scan`        | the one pass over a payload that finds what must be refused             |
//! | `locate`      | the JSON pointer to what the scan refused                               |
//! | `document`    | JSON text before its meaning: UTF-8, syntax                             |
//! | `field_error` | [`FieldError`]: a JSON pointer and what is wrong there                  |
//!
//! An [`Event`] in hand is valid: its fields can only be made by parsing. What the rules refuse is
//! what `PostgreSQL` cannot keep (U+0000, lone surrogates, numbers and times out of range) and what
//! has no sensible bound otherwise (names, nesting, digits).

pub mod body;
mod document;
mod event;
mod field_error;
mod fields;
mod locate;
mod log;
mod name;
mod payload;
mod record;
mod scan;
mod timestamp;
mod wire;

pub use body::BodyError;
pub use event::Event;
pub use field_error::FieldError;
pub use log::{LogIdentity, PartitionBy};
pub use name::{EventId, NameError, Source, Topic};
pub use payload::{Payload, PayloadError};
pub use timestamp::{Timestamp, TimestampError};

/// The largest wire form of an event, in bytes: 1 MiB.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// The longest topic, event id or source, in Unicode scalar values.
pub const MAX_NAME_CHARS: usize = 255;

/// How many objects and arrays a payload may have inside each other, itself included.
pub const MAX_NESTING: usize = 64;

/// How many digits a number in a payload may have, its exponent not counted.
pub const MAX_NUMBER_DIGITS: usize = 64;

/// How far from zero the exponent of a number in a payload may be, as it is written.
pub const MAX_EXPONENT: u32 = 308;

/// What the exponents of a payload's numbers may add up to, without their signs: 1 Mi. `PostgreSQL`
/// writes `1e308` as 309 digits, so a payload within [`MAX_EVENT_BYTES`] could come back as 60 MiB.
pub const MAX_EXPONENTS_SUM: usize = 1024 * 1024;

/// How many errors an answer lists; one more then says how many were left out.
pub const MAX_FIELD_ERRORS: usize = 100;
