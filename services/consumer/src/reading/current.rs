//! Which log is being read.

use event::LogIdentity;
use store::Log;

/// The log that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its incarnation, as the database knows it.
    pub log: Log,
    /// What the broker says of it.
    pub identity: LogIdentity,
}
