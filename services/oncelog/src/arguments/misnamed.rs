//! Variables whose names are nearly those of settings: they would be passed over in silence.

use std::collections::BTreeSet;

use clap::{Arg, Command};

/// One line for each variable of the environment that may be a setting with a typo in its name.
pub(super) fn misnamed(command: &Command) -> Vec<String> {
    let known = names(command);
    let given = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    given.filter_map(|name| Some(format!("{name} is no setting; {} may be meant", meant(&name, &known)?))).collect()
}

fn names(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(Arg::get_env).map(|name| name.to_string_lossy().into_owned());
    own.chain(command.get_subcommands().flat_map(names)).collect()
}

fn meant<'a>(given: &str, known: &'a BTreeSet<String>) -> Option<&'a String> {
    /// A letter too many in a short name makes a name of its own: PORTS, HOSTS.
    const SHORTEST: usize = 6;
    if known.contains(given) || given.len() < SHORTEST {
        return None;
    }
    let written = given.to_uppercase();
    known.iter().filter(|name| name.len() >= SHORTEST).find(|name| strsim::damerau_levenshtein(&written, name) <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_one_letter_wrong_is_noticed() {
        let known: BTreeSet<String> = ["KAFKA_BROKERS", "LOG_LEVEL", "PORT"].map(str::to_owned).into();
        for (given, expected) in [
            ("KAFKA_BROKER", Some("KAFKA_BROKERS")),
            ("KAFKA_BORKERS", Some("KAFKA_BROKERS")),
            ("kafka_brokers", Some("KAFKA_BROKERS")),
            ("LOGLEVEL", Some("LOG_LEVEL")),
            ("KAFKA_BROKERS", None),
            ("KAFKA_TOPIC", None),
            ("PORTS", None),
        ] {
            assert_eq!(meant(given, &known).map(String::as_str), expected, "{given}");
        }
    }
}
