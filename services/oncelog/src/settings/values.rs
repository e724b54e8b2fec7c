//! What a value may be. Each error is what is allowed: it is shown behind "Allowed:".

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PathBufValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command};
use event::PartitionBy;

pub(crate) const KIB: usize = 1 << 10;
pub(crate) const MIB: usize = 1 << 20;
pub(crate) const GIB: usize = 1 << 30;

const DAY: Duration = Duration::from_hours(24);

/// A value as it is meant: files of variables leave quotes, spaces and Windows' line ends around it.
pub(crate) fn tidy(text: &str) -> &str {
    let text = text.trim();
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).map_or(text, str::trim)
}

/// A parser that gets tidy text.
#[derive(Clone)]
pub(crate) struct Tidy<P>(pub(crate) P);

impl<P: TypedValueParser> TypedValueParser for Tidy<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<P::Value, clap::Error> {
        let tidied = value.to_str().map_or_else(|| value.to_owned(), |text| OsString::from(tidy(text)));
        self.0.parse_ref(command, arg, &tidied)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

/// A file's.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    Tidy(PathBufValueParser::new())
}

/// One of two words, in whichever case.
pub(crate) fn partition_by() -> impl TypedValueParser<Value = PartitionBy> {
    let words = PossibleValuesParser::new(PartitionBy::ALL.map(PartitionBy::as_str));
    Tidy(words.try_map(|word| {
        let meant = PartitionBy::ALL.into_iter().find(|by| by.as_str().eq_ignore_ascii_case(&word));
        meant.ok_or("topic or event")
    }))
}

/// A whole number from one to another.
pub(crate) fn whole<T>(range: RangeInclusive<T>) -> impl TypedValueParser<Value = T>
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    Tidy(move |text: &str| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    })
}

/// Bytes, bare or with KiB, MiB or GiB.
pub(crate) fn bytes(range: RangeInclusive<usize>) -> impl TypedValueParser<Value = usize> {
    Tidy(move |text: &str| {
        let (number, unit) = number_and_unit(text);
        let unit = match unit {
            "" | "B" => Some(1),
            "KiB" => Some(KIB),
            "MiB" => Some(MIB),
            "GiB" => Some(GIB),
            _ => None,
        };
        let bytes = number.zip(unit).and_then(|(number, unit)| usize::try_from(number).ok()?.checked_mul(unit));
        bytes.filter(|bytes| range.contains(bytes)).ok_or_else(|| {
            format!("bytes from {} to {}, such as 25165824 or 24MiB (KiB, MiB, GiB)", range.start(), range.end())
        })
    })
}

/// `500ms`, `10s`, `5m`, `12h`, at most a day.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    span(tidy(text)).filter(|span| *span <= DAY).ok_or_else(|| too_long_or_short(Duration::ZERO, DAY))
}

/// The same within a range.
pub(crate) fn time(range: RangeInclusive<Duration>) -> impl TypedValueParser<Value = Duration> {
    Tidy(move |text: &str| {
        span(text).filter(|span| range.contains(span)).ok_or_else(|| too_long_or_short(*range.start(), *range.end()))
    })
}

fn too_long_or_short(from: Duration, to: Duration) -> String {
    format!("a time from {} to {}: a whole number and ms, s, m, h or d, such as 500ms or 10s", short(from), short(to))
}

fn short(span: Duration) -> String {
    match (span.as_secs(), span.subsec_millis()) {
        (0, 0) => "0s".to_owned(),
        (seconds, 0) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ms", span.as_millis()),
    }
}

/// From a minute on, without a limit above; or `forever`.
pub(crate) fn retention(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_mins(1);
    let text = tidy(text);
    let kept = if text.eq_ignore_ascii_case("forever") { Some(Duration::MAX) } else { span(text) };
    kept.filter(|kept| *kept >= SHORTEST)
        .ok_or_else(|| "a time of at least 1m, such as 12h or 7d (units: ms, s, m, h, d), or forever".to_owned())
}

fn span(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number?.saturating_mul(milliseconds)))
}

fn number_and_unit(text: &str) -> (Option<u64>, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..digits].parse().ok(), text[digits..].trim_start())
}

/// A truth value, however it is written.
pub(crate) fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match tidy(text).to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("true or false (yes, on, 1 and no, off, 0 mean the same)"),
    }
}

/// A Kafka topic by Kafka's own rule.
pub(crate) fn kafka_topic(text: &str) -> Result<String, &'static str> {
    let text = tidy(text);
    let fits = (1..=249).contains(&text.len()) && text != "." && text != "..";
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if fits && text.chars().all(legal) {
        return Ok(text.to_owned());
    }
    Err("1 to 249 letters (a to z, A to Z), digits, dots, underscores and hyphens")
}

/// The name of a consumer group.
pub(crate) fn kafka_group(text: &str) -> Result<String, &'static str> {
    let text = tidy(text);
    if (1..=255).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err("1 to 255 bytes of text without control characters")
}

/// The schema of the tables.
pub(crate) fn database_schema(text: &str) -> Result<store::Schema, &'static str> {
    let allowed = "a name of 1 to 63 bytes without control characters, which does not begin with pg_ and is not \
                   information_schema";
    tidy(text).parse().map_err(|_| allowed)
}

/// Brokers, separated by commas: the blanks and empty places between them are dropped.
pub(crate) fn kafka_brokers(text: &str) -> Result<String, &'static str> {
    let brokers: Vec<&str> = tidy(text).split(',').map(str::trim).filter(|broker| !broker.is_empty()).collect();
    if !brokers.is_empty() && brokers.iter().all(|broker| is_broker(broker)) {
        return Ok(brokers.join(","));
    }
    Err("host:port, separated by commas, such as 10.0.0.1:9092,broker-2:9092,[::1]:9092; without kafka:// or a \
         path (encryption and passwords are set by KAFKA_PROPERTIES)")
}

fn is_broker(text: &str) -> bool {
    // Kafka's own notation of a listener, which its client understands.
    const PROTOCOLS: [&str; 4] = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];
    let address = match text.split_once("://") {
        Some((protocol, rest)) if PROTOCOLS.contains(&protocol.to_ascii_lowercase().as_str()) => rest,
        Some(_) => return false,
        None => text,
    };
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        // What stands there without a colon is no port.
        Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or_default())),
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let bare = host.parse::<std::net::Ipv6Addr>().is_ok() == address.starts_with('[');
    bare && is_host(host) && port.is_none_or(is_port)
}

/// An address or a name, with or without the brackets of IPv6.
pub(crate) fn host(text: &str) -> Result<String, &'static str> {
    let text = tidy(text);
    let host = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if is_host(host) { Ok(host.to_owned()) } else { Err(A_HOST) }
}

/// What may be listened on.
pub(crate) const A_HOST: &str = "an address of this machine to listen on, or a name that has one: 0.0.0.0 (IPv4), \
                                 :: (all), 127.0.0.1 (this machine only)";

fn is_host(text: &str) -> bool {
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    (1..=253).contains(&text.len()) && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("500ms").ok(), Some(Duration::from_millis(500)));
        assert_eq!(duration(" \"24h\"\r").ok(), Some(DAY));
        assert_eq!(retention("7d").ok(), Some(7 * DAY));
        assert_eq!(retention("Forever").ok(), Some(Duration::MAX));
        assert!(duration("2d").is_err() && duration("forever").is_err() && retention("0s").is_err());
        for wrong in ["", "10", "s", "1w", "-1s", "1.5s", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_files_of_variables_leave_around_a_value_is_dropped() {
        for written in ["events", "\"events\"", "'events'", " events\r", "\" events \"\r\n"] {
            assert_eq!(tidy(written), "events", "{written:?}");
        }
        assert_eq!((tidy("\""), tidy("\"a'")), ("\"", "\"a'"));
    }

    #[test]
    fn truth_has_many_spellings() {
        assert!(["true", "TRUE", "yes", "1", "On"].iter().all(|text| yes_or_no(text) == Ok(true)));
        assert!(["false", "No", "0", "off"].iter().all(|text| yes_or_no(text) == Ok(false)));
        assert!(yes_or_no("maybe").is_err() && yes_or_no("2").is_err());
    }

    #[test]
    fn brokers_are_hosts_with_ports() {
        for (written, read) in [
            ("a:9092", "a:9092"),
            (" a:9092 , b:9093, ", "a:9092,b:9093"),
            ("[::1]:9092,10.0.0.1", "[::1]:9092,10.0.0.1"),
            ("SASL_SSL://a:9092", "SASL_SSL://a:9092"),
        ] {
            assert_eq!(kafka_brokers(written).as_deref(), Ok(read));
        }
        for wrong in [
            ",",
            "kafka://a:9092",
            "tcp://a:9092",
            "a:port",
            "a:0",
            "a:99999",
            "a b:1",
            "u@a:1",
            "::1:9092",
            "[::1]9092",
            "[::1]x",
            "[::1]:",
        ] {
            assert!(kafka_brokers(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_follow_kafkas_rules() {
        let longest = "x".repeat(249);
        assert!(["events", "a.b_c-D", longest.as_str()].iter().all(|name| kafka_topic(name).is_ok()));
        assert!([".", "..", "a b", "a/b", "ä", &format!("{longest}x")].iter().all(|name| kafka_topic(name).is_err()));
        assert!(kafka_group("my group").is_ok() && kafka_group("a\u{1}b").is_err());
    }

    #[test]
    fn a_host_may_have_brackets() {
        assert_eq!(host("[::]").as_deref(), Ok("::"));
        assert!(["0.0.0.0", "::1", "fe80::1%eth0", "my-host"].iter().all(|text| host(text).is_ok()));
        assert!(["a b", "http://a", "~", "[::1"].iter().all(|text| host(text).is_err()));
    }
}
