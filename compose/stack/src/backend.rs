//! Which of the two ways up is taken, and why.

use std::env;
use std::fmt;

#[cfg(feature = "testcontainers")]
use crate::containers::Containers;
use crate::containers::{Engine, Images};
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
    /// Chooses: what `ONCELOG_STACK` says; or else containers where an engine answers and has the
    /// images or can pull them; or else native.
    ///
    /// # Errors
    /// [`Error::Backend`] if the wish can't be honoured.
    pub fn choose() -> Result<Self> {
        decide(forced().as_deref(), || Engine::look(&Images::from_env()))
    }
}

/// What `ONCELOG_STACK` says.
pub(crate) fn forced() -> Option<String> {
    env::var(FORCE).ok().filter(|value| !value.is_empty())
}

fn decide(wanted: Option<&str>, look: impl FnOnce() -> Engine) -> Result<Backend> {
    let choice = |kind, reason: String| Ok(Backend { kind, reason });
    let asked = || format!("{FORCE} says so");
    let refused = |wanted: &str, reason| Err(Error::Backend { wanted: wanted.to_owned(), reason });
    match wanted {
        Some("native") => choice(Kind::Native, asked()),
        Some("containers") => match look() {
            Engine::Ready => choice(Kind::Containers, asked()),
            Engine::Unfit(reason) => refused("containers", reason),
        },
        Some(other) => refused(other, "it must be containers or native".to_owned()),
        None => match look() {
            Engine::Ready => choice(Kind::Containers, "an engine answers and has the images".into()),
            Engine::Unfit(reason) => choice(Kind::Native, reason),
        },
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Native => "native: Apache Kafka and PostgreSQL as processes".to_owned(),
            Kind::Containers => {
                let Images { broker, postgres } = Images::from_env();
                format!("containers: {broker} and {postgres}")
            }
        };
        write!(f, "{what} ({})", self.reason)
    }
}

/// A broker and a database of one's own, whichever way they run; gone when dropped.
#[derive(Debug)]
pub enum Own {
    /// As processes.
    Native(Native),
    /// In containers.
    #[cfg(feature = "testcontainers")]
    Containers(Box<Containers>),
}

impl Own {
    /// Starts a fresh stack of this kind, and waits until it answers. Blocks.
    pub fn start(kind: Kind, options: &Options) -> Result<Self> {
        match kind {
            Kind::Native => Native::start(options).map(Self::Native),
            #[cfg(feature = "testcontainers")]
            Kind::Containers => Containers::start(options).map(Box::new).map(Self::Containers),
            #[cfg(not(feature = "testcontainers"))]
            Kind::Containers => Err(Error::Backend {
                wanted: kind.to_string(),
                reason: "this was built without the feature testcontainers".into(),
            }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn addresses(&self) -> Stack {
        match self {
            #[cfg(feature = "testcontainers")]
            Self::Containers(containers) => containers.addresses(),
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
            #[cfg(feature = "testcontainers")]
            Self::Containers(containers) => containers.kafka(),
        }
    }

    /// The database, to be broken and mended.
    #[must_use]
    pub fn postgres(&self) -> &Part {
        match self {
            Self::Native(native) => native.postgres(),
            #[cfg(feature = "testcontainers")]
            Self::Containers(containers) => containers.postgres(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn unfit() -> Engine {
        Engine::Unfit("no engine".into())
    }

    #[test]
    fn without_a_wish_the_engine_decides() {
        assert_eq!(decide(None, || Engine::Ready).unwrap().kind, Kind::Containers);
        let native = decide(None, unfit).unwrap();
        assert_eq!((native.kind, native.reason.as_str()), (Kind::Native, "no engine"));
    }

    #[test]
    fn a_wish_that_cannot_be_honoured_is_an_error() {
        assert!(decide(Some("containers"), unfit).unwrap_err().to_string().contains("no engine"));
        assert!(decide(Some("podman"), || Engine::Ready).is_err());
        assert_eq!(decide(Some("native"), || Engine::Ready).unwrap().kind, Kind::Native);
    }
}
