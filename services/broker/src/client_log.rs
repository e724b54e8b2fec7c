//! librdkafka's own log lines and errors, into ours.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use reminder::Reminder;

/// Without a broker, every client has a warning for every attempt to connect. Each is told once a minute.
static WARNED: Mutex<Reminder> = Mutex::new(Reminder::new());

/// One log line. A lost connection is an error to librdkafka, which mends it by
/// itself; to us it is a warning, since errors are what somebody has to act on. Warnings that differ
/// in numbers only are one: it is shown once a minute, and at level debug each time.
pub(crate) fn line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as L;
    match level {
        L::Emerg | L::Alert | L::Critical => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        L::Error | L::Warning if is_due(facility, message) => {
            tracing::warn!(target: "librdkafka", facility, "{message}");
        }
        L::Error | L::Warning => tracing::debug!(target: "librdkafka", facility, "{message}"),
        L::Notice | L::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
        L::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

fn is_due(facility: &str, message: &str) -> bool {
    let cause = format!("{facility} {}", cause(message));
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    warned.fails(&cause, Instant::now()).is_some()
}

/// One error event: the same story as the log lines beside it, so quieter.
pub(crate) fn error(error: &KafkaError, reason: &str) {
    tracing::debug!(target: "librdkafka", %error, "{reason}");
}

/// What librdkafka said without what differs each time: the thread, the place of the address in its
/// lists (`/bootstrap`, `/1`), how long it took, how often it was said, and whole words that are numbers.
pub(crate) fn cause(message: &str) -> String {
    let said = match message.split_once("]: ") {
        Some((thread, said)) if thread.starts_with("[thrd:") => said,
        _ => message,
    };
    let end = [" (after ", " (average "].iter().filter_map(|tail| said.find(tail)).min().unwrap_or(said.len());
    let said = match said[..end].split_once(": ") {
        Some((address, said)) => format!("{}: {said}", host(address)),
        None => said[..end].to_owned(),
    };
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    said.split(' ').map(|word| if is_number(word) { "#" } else { word }).collect::<Vec<_>>().join(" ")
}

/// `sasl_ssl://a:9092/1` is `a:9092`: for every protocol but PLAINTEXT it is named first.
fn host(address: &str) -> &str {
    let protocols = ["ssl://", "sasl_ssl://", "sasl_plaintext://"];
    let bare = protocols.iter().find_map(|protocol| address.strip_prefix(protocol)).unwrap_or(address);
    bare.split('/').next().unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_is_the_same_cause() {
        let refused = "127.0.0.1:9092: Connect to ipv4#127.0.0.1:9092 failed: Connection refused";
        for said in [
            "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
            "[thrd:127.0.0.1:9092/1]: 127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 3ms in state CONNECT, 29 identical error(s) suppressed)",
        ] {
            assert_eq!(cause(said), refused);
        }
        assert_eq!(cause("a:1/2: Timed out 3 in-flight"), cause("a:1/7: Timed out 12 in-flight"));
        assert_eq!(cause("2/2 brokers are down"), "2/2 brokers are down");
    }

    #[test]
    fn the_host_is_kept_whatever_the_protocol() {
        for protocol in ["", "ssl://", "sasl_ssl://", "sasl_plaintext://"] {
            for place in ["bootstrap", "1"] {
                let said = format!("{protocol}a:9093/{place}: SSL handshake failed (after 5ms in state SSL_HANDSHAKE)");
                assert_eq!(cause(&said), "a:9093: SSL handshake failed");
                let thread = format!("[thrd:{protocol}a:9093/{place}]: {said}");
                assert_eq!(cause(&thread), "a:9093: SSL handshake failed");
            }
            let other = format!("{protocol}b:9093/1: SSL handshake failed");
            assert_eq!(cause(&other), "b:9093: SSL handshake failed");
        }
    }

    #[test]
    fn another_address_or_reason_is_another_cause() {
        let said = |address: &str, why: &str| cause(&format!("{address}/1: {why} (after 1ms in state CONNECT)"));
        assert_ne!(said("a:1", "refused"), said("b:1", "refused"));
        assert_ne!(said("a:1", "refused"), said("a:1", "timed out"));
    }
}
