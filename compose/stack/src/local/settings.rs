//! The ports and names of the lasting stack, from the environment.

use std::env;

use crate::{Error, Result};

/// The settings of `make up`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `PORT`: the api's. Default 8080.
    pub api: u16,
    /// `CONSUMER_PORT`: the consumer's health and metrics. Default 8081.
    pub consumer: u16,
    /// `KAFKA_PORT`: the broker's. Default 19092, beside a broker of the machine's own.
    pub kafka: u16,
    /// `KAFKA_CONTROLLER_PORT`: the broker's controller. Default one above `KAFKA_PORT`.
    pub controller: u16,
    /// `POSTGRES_PORT`: the database's. Default 15432, beside a server of the machine's own.
    pub postgres: u16,
    /// `KAFKA_TOPIC`: the Kafka topic. Default `events`.
    pub topic: String,
}

/// A port, and the variable that moves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) setting: &'static str,
}

/// Without any variable.
impl Default for Settings {
    fn default() -> Self {
        let (kafka, topic) = (19_092, "events".to_owned());
        Self { api: 8080, consumer: 8081, kafka, controller: kafka + 1, postgres: 15_432, topic }
    }
}

impl Settings {
    /// Reads the settings; what is not set has its default. They are read as the services read theirs: blanks
    /// and quotes around a value don't count, and an address that Kubernetes or Docker has set is none.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let value = |name: &str| {
            let text = get(name)?;
            let text = text.trim();
            let bare = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
            let text = bare.unwrap_or(text).trim();
            (!text.is_empty() && !text.starts_with("tcp://")).then(|| text.to_owned())
        };
        let port = |name: &str, default: u16| match value(name) {
            None => Ok(default),
            Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                let source = std::io::Error::other(format!("{name}={text} is no port from 1 to 65535"));
                Error::io("read the settings")(source)
            }),
        };
        let usual = Self::default();
        let kafka = port("KAFKA_PORT", usual.kafka)?;
        Ok(Self {
            api: port("PORT", usual.api)?,
            consumer: port("CONSUMER_PORT", usual.consumer)?,
            kafka,
            controller: port("KAFKA_CONTROLLER_PORT", kafka.saturating_add(1))?,
            postgres: port("POSTGRES_PORT", usual.postgres)?,
            topic: value("KAFKA_TOPIC").unwrap_or(usual.topic),
        })
    }

    /// The ports that a daemon listens on.
    pub(super) fn ports_of(&self, name: &str) -> Vec<Port> {
        let port = |number, setting| Port { number, setting };
        match name {
            "kafka" => vec![port(self.kafka, "KAFKA_PORT"), port(self.controller, "KAFKA_CONTROLLER_PORT")],
            "postgres" => vec![port(self.postgres, "POSTGRES_PORT")],
            "api" => vec![port(self.api, "PORT")],
            _ => vec![port(self.consumer, "CONSUMER_PORT")],
        }
    }

    /// The address under which the api is used.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api)
    }

    /// The broker's bootstrap list.
    #[must_use]
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.kafka)
    }

    /// The services' environment. Everything else that they understand is inherited.
    pub(super) fn for_services(&self, database: &str, password: &str) -> Vec<(&'static str, String)> {
        let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let loopback = |name| given(name).unwrap_or_else(|| "127.0.0.1".into());
        vec![
            ("KAFKA_BROKERS", self.brokers()),
            ("KAFKA_TOPIC", self.topic.clone()),
            ("DATABASE_URL", database.to_owned()),
            ("DATABASE_PASSWORD", password.to_owned()),
            // Set to nothing = not set: these would be about another database.
            ("DATABASE_URL_FILE", String::new()),
            ("DATABASE_PASSWORD_FILE", String::new()),
            ("HOST", loopback("HOST")),
            ("CONSUMER_HOST", loopback("CONSUMER_HOST")),
            // For `make logs`; a file that is no terminal would get JSON.
            ("LOG_FORMAT", given("LOG_FORMAT").unwrap_or_else(|| "text".into())),
            ("PORT", self.api.to_string()),
            ("CONSUMER_PORT", self.consumer.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn without_settings_the_defaults_hold() {
        let settings = Settings::from_variables(|_| None).unwrap();
        assert_eq!((settings.api, settings.consumer), (8080, 8081));
        assert_eq!(settings.controller, settings.kafka + 1);
        assert_eq!(settings.topic, "events");
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn a_setting_is_read_as_the_services_read_it() {
        for (text, port) in [(" ", 8080), ("\"9000\"", 9000), (" 9000\n", 9000), ("tcp://10.0.0.1:80", 8080)] {
            let get = |name: &str| (name == "PORT").then(|| text.to_owned());
            assert_eq!(Settings::from_variables(get).unwrap().api, port, "{text:?}");
        }
    }

    #[test]
    fn a_port_that_is_none_is_refused_by_name() {
        for wrong in ["x", "0", "65536", "-1"] {
            let get = |name: &str| (name == "PORT").then(|| wrong.to_owned());
            let error = Settings::from_variables(get).unwrap_err().to_string();
            assert!(error.contains(&format!("PORT={wrong}")), "{error}");
        }
    }
}
