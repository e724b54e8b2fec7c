//! The addresses that `stack run` gives to its command.

use std::env;
use std::fmt;

use crate::native::Proxied;
use crate::{Error, Result};

const BROKERS: &str = "KAFKA_BROKERS";
const DATABASE: &str = "DATABASE_URL";

/// What would be about another database than `DATABASE_URL`'s, if the caller has set it: for the services of a
/// stack it is set to nothing, which is as good as not set.
pub const OF_ANOTHER_DATABASE: [&str; 3] = ["DATABASE_URL_FILE", "DATABASE_PASSWORD", "DATABASE_PASSWORD_FILE"];
const KIND: &str = "ONCELOG_STACK_KIND";
const PROXIED: &str = "ONCELOG_STACK_PROXIED";

/// Which of the two ways up a stack has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Processes on this machine.
    Native,
    /// Containers of an engine on this machine.
    Containers,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Containers => "containers",
        })
    }
}

/// The addresses of a stack that somebody else has started and will end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The bootstrap list of the broker.
    pub kafka_brokers: String,
    /// A database, as a role that may create databases.
    pub database_url: String,
    /// How it runs.
    pub kind: Kind,
    /// The broker's second listener, if it has one.
    pub proxied: Option<Proxied>,
}

impl Stack {
    /// The stack of the surrounding `stack run`.
    ///
    /// # Errors
    /// [`Error::NoStack`], which says how to get one.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&'static str) -> Option<String>) -> Result<Self> {
        let need = |variable| get(variable).filter(|value| !value.is_empty()).ok_or(Error::NoStack { variable });
        Ok(Self {
            kafka_brokers: need(BROKERS)?,
            database_url: need(DATABASE)?,
            kind: if get(KIND).as_deref() == Some("containers") { Kind::Containers } else { Kind::Native },
            proxied: get(PROXIED).and_then(|text| parse(&text)),
        })
    }

    /// The variables from which [`Stack::from_env`] reads it again.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            (BROKERS, self.kafka_brokers.clone()),
            (DATABASE, self.database_url.clone()),
            (KIND, self.kind.to_string()),
        ];
        all.extend(OF_ANOTHER_DATABASE.map(|name| (name, String::new())));
        if let Some(Proxied { listener, advertised }) = self.proxied {
            all.push((PROXIED, format!("{listener}:{advertised}")));
        }
        all
    }
}

fn parse(text: &str) -> Option<Proxied> {
    let (listener, advertised) = text.split_once(':')?;
    Some(Proxied { listener: listener.parse().ok()?, advertised: advertised.parse().ok()? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stack_survives_the_way_through_the_environment() {
        let stack = Stack {
            kafka_brokers: "127.0.0.1:1".into(),
            database_url: "postgres://a:b@127.0.0.1:2/c".into(),
            kind: Kind::Containers,
            proxied: Some(Proxied { listener: 3, advertised: 4 }),
        };
        let variables = stack.variables();
        let get = |name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
        assert_eq!(Stack::from_variables(get).unwrap(), stack);
        assert!(OF_ANOTHER_DATABASE.iter().all(|name| get(name).as_deref() == Some("")), "whoever has set one");
    }

    #[test]
    fn without_a_stack_the_error_says_what_to_run() {
        let error = Stack::from_variables(|_| None).unwrap_err().to_string();
        assert!(error.contains("make test"), "{error}");
    }
}
