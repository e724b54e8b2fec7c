//! The events that are measured with: about 310 bytes on the wire, ids without an order.

use std::ops::Range;

use fake::rand::rngs::ChaCha8Rng;
use fake::rand::{Rng, RngExt, SeedableRng};

/// Which events repeat an earlier one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Repeats {
    /// None.
    Never,
    /// This share, drawn from so many just before.
    Recent { share: f64, window: usize },
    /// This share, drawn from all before.
    Any { share: f64 },
}

/// A kind of traffic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mix {
    pub(super) name: &'static str,
    pub(super) repeats: Repeats,
    pub(super) topics: u64,
    /// Keyed by event instead of by topic.
    pub(super) by_event: bool,
}

/// One event, as its number. The same number is the same event, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    number: u64,
    topics: u64,
}

impl Mix {
    /// One event per number, or a repeat in its place; the same ones each time.
    pub(super) fn events(self, numbers: Range<u64>) -> impl Iterator<Item = Numbered> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut published: Vec<u64> = Vec::new();
        numbers.map(move |next| {
            let number = self.repeated(&published, &mut random).unwrap_or(next);
            published.push(number);
            Numbered { number, topics: self.topics }
        })
    }

    fn repeated(&self, published: &[u64], random: &mut impl Rng) -> Option<u64> {
        let (share, window) = match self.repeats {
            Repeats::Never => return None,
            Repeats::Recent { share, window } => (share, window.min(published.len())),
            Repeats::Any { share } => (share, published.len()),
        };
        let repeats = window > 0 && random.random_bool(share);
        repeats.then(|| published[published.len() - 1 - random.random_range(0..window)])
    }
}

impl Numbered {
    pub(super) fn topic(self) -> String {
        format!("bench-{:04}", scatter(self.number) % self.topics)
    }

    pub(super) fn id(self) -> String {
        event_id(self.number)
    }

    /// The record that the api would append.
    pub(super) fn wire(self) -> String {
        let Self { number, .. } = self;
        let (millis, second, minute) = (number % 1_000, number / 1_000 % 60, number / 60_000 % 60);
        event_json(&self.topic(), &self.id(), &format!("2026-01-05T08:{minute:02}:{second:02}.{millis:03}Z"))
    }
}

/// An event as JSON, in the order of the wire form.
pub(super) fn event_json(topic: &str, id: &str, timestamp: &str) -> String {
    let order = &id[..8];
    format!(
        r#"{{"topic":"{topic}","event_id":"{id}","timestamp":"{timestamp}","source":"bench-shop","payload":{{"order":"{order}","customer":{{"name":"Ada Example","city":"Lisbon"}},"items":[{{"sku":"A-1001","quantity":2,"price":12.5}},{{"sku":"B-{order}","quantity":1,"price":7.25}}],"paid":true}}}}"#
    )
}

/// An event that holds nothing but this text.
pub(super) fn with_text(topic: &str, id: &str, text: &str) -> String {
    format!(
        r#"{{"topic":"{topic}","event_id":"{id}","timestamp":"2026-01-05T08:00:00Z","source":"bench-shop","payload":{{"text":"{text}"}}}}"#
    )
}

/// Hexadecimal digits without an order, as most ids are; they come in no order into an index, either.
pub(super) fn event_id(number: u64) -> String {
    format!("{:016x}{:016x}", scatter(number), scatter(!number))
}

/// `SplitMix64`: one to one, and looks like chance.
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn mix(repeats: Repeats) -> Mix {
        Mix { name: "test", repeats, topics: 10, by_event: false }
    }

    #[test]
    fn an_event_has_about_310_bytes_and_is_json() {
        let wire = mix(Repeats::Never).events(0..1).map(Numbered::wire).collect::<String>();
        assert!((295..=325).contains(&wire.len()), "{}", wire.len());
        assert!(serde_json::from_str::<serde_json::Value>(&wire).is_ok());
    }

    #[test]
    fn so_many_repeat_as_asked_for_and_the_same_each_time() {
        let mix = mix(Repeats::Recent { share: 0.3, window: 100 });
        let events: Vec<_> = mix.events(0..10_000).collect();
        let unique: HashSet<_> = events.iter().map(|event| event.number).collect();
        assert!((6_800..7_200).contains(&unique.len()), "{}", unique.len());
        assert_eq!(events, mix.events(0..10_000).collect::<Vec<_>>());
    }
}
