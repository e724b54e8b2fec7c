//! Which images: those that compose.yaml pins, unless the environment names others.

use std::env;

pub(super) const COMPOSE: &str = include_str!("../../../compose.yaml");
const BROKER: &str = "ONCELOG_BROKER_IMAGE";
const POSTGRES: &str = "ONCELOG_POSTGRES_IMAGE";

/// The images of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Images {
    pub(crate) broker: String,
    pub(crate) postgres: String,
}

impl Images {
    pub(crate) fn from_env() -> Self {
        Self { broker: image(BROKER), postgres: image(POSTGRES) }
    }
}

fn image(variable: &str) -> String {
    env::var(variable).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| pinned(variable))
}

/// The default that compose.yaml gives to `variable`, written `${VARIABLE:-default}`.
fn pinned(variable: &str) -> String {
    let start = format!("${{{variable}:-");
    COMPOSE
        .split_once(&start)
        .and_then(|(_, rest)| rest.split_once('}'))
        .map_or_else(String::new, |(name, _)| name.to_owned())
}

/// The broker's arguments differ: Redpanda is told from Apache Kafka by the name of the image. Its
/// stand-in takes Redpanda's.
pub(crate) fn is_redpanda(image: &str) -> bool {
    image.contains("redpanda")
}

#[cfg(any(test, feature = "testcontainers"))]
/// Name and tag; a colon before a slash belongs to a registry's port.
pub(super) fn name_and_tag(image: &str) -> (String, String) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (image.to_owned(), "latest".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_pins_are_those_of_compose() {
        assert!(is_redpanda(&pinned(BROKER)), "{}", pinned(BROKER));
        assert!(pinned(POSTGRES).starts_with("postgres:"), "{}", pinned(POSTGRES));
    }

    #[test]
    fn the_images_have_the_versions_of_the_native_stack() {
        let kafka = format!(":-apache/kafka:{}}}\n", crate::native::kafka_version());
        assert!(include_str!("../../../compose.kafka.yaml").contains(&kafka), "{kafka}");
        // The package has a third number of its own.
        let (postgres, _) = crate::native::postgres_version().rsplit_once('.').unwrap();
        assert_eq!(pinned(POSTGRES), format!("postgres:{postgres}"));
    }

    #[test]
    fn a_stand_in_is_told_from_the_other_by_its_name() {
        assert!(is_redpanda("oncelog-standin/redpanda"));
        assert!(!is_redpanda("oncelog-standin/kafka") && !is_redpanda("apache/kafka:4.1.0"));
    }

    #[test]
    fn the_settings_of_postgres_are_those_of_compose() {
        for (name, value) in crate::native::POSTGRES {
            assert!(COMPOSE.contains(&format!("- -c{name}={value}\n")), "{name}={value}");
        }
    }

    #[test]
    fn a_registrys_port_is_no_tag() {
        let split = |image| name_and_tag(image);
        assert_eq!(split("a/b:1"), ("a/b".into(), "1".into()));
        assert_eq!(split("host:5000/b"), ("host:5000/b".into(), "latest".into()));
    }
}
