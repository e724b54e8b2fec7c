//! Which of the two ways up is taken, and why.

use std::env;
use std::fmt;

use crate::environment::{Kind, Stack};
use crate::native::{Native, Options};
use crate::{Error, Part, Result};

const FORCE: &str = "ONCELOG_STACK";

/// A choice with its reason; displayed, it is the line that tells the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// What was chosen.
    pub kind: Kind,
    /// Why.
    pub reason: String,
}

impl Backend {
    /// Chooses for the stack of a test: what `ONCELOG_STACK` says, or else native, which is sooner
    /// up and needs no engine.
    ///
    /// # Errors
    /// [`Error::Backend`] if the wish can't be honoured.
    pub fn choose() -> Result<Self> {
        let wanted = env::var(FORCE).ok().filter(|value| !value.is_empty());
        let reason = || format!("{FORCE} says so");
        match wanted.as_deref() {
            None => Ok(Self {
                kind: Kind::Native,
                reason: "the default for tests; ONCELOG_STACK=containers for the other".into(),
            }),
            Some("native") => Ok(Self {
                kind: Kind::Native,
                reason: reason(),
            }),
            Some(other) => Err(Error::Backend {
                wanted: other.into(),
                reason: "it must be native".into(),
            }),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Native => write!(
                f,
                "native: Apache Kafka and PostgreSQL as processes ({})",
                self.reason
            ),
            Kind::Containers => write!(
                f,
                "containers: broker and PostgreSQL in an engine ({})",
                self.reason
            ),
        }
    }
}

/// A broker and a database of one's own, whichever way they run; gone when dropped.
#[derive(Debug)]
pub enum Own {
    /// As processes.
    Native(Native),
}

impl Own {
    /// Starts a fresh stack of this kind, and waits until it answers. Blocks.
    pub fn start(kind: Kind, options: &Options) -> Result<Self> {
        match kind {
            Kind::Native => Native::start(options).map(Self::Native),
            Kind::Containers => Err(Error::Backend {
                wanted: "containers".into(),
                reason: "not built in".into(),
            }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn addresses(&self) -> Stack {
        match self {
            Self::Native(native) => Stack {
                kafka_brokers: native.kafka_brokers(),
                database_url: native.database_url(),
                kind: Kind::Native,
                proxied: native.proxied(),
            },
        }
    }

    /// The broker, to be broken and mended.
    #[must_use]
    pub fn kafka(&self) -> &Part {
        match self {
            Self::Native(native) => native.kafka(),
        }
    }

    /// The database, to be broken and mended.
    #[must_use]
    pub fn postgres(&self) -> &Part {
        match self {
            Self::Native(native) => native.postgres(),
        }
    }
}
