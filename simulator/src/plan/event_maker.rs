//! Events that look as if a shop had sent them.

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use fake::Fake;
use fake::faker::address::en::{CityName, CountryCode, PostCode, StreetName};
use fake::faker::company::en::CompanyName;
use fake::faker::internet::en::{SafeEmail, UserAgent, Username};
use fake::faker::lorem::en::Sentence;
use fake::faker::name::en::Name;
use fake::rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::{Value, json};

use super::{PlannedEvent, RunId};

/// Where simulated time begins. Fixed, so that a seed gives the same bytes on
/// any day: 2026-01-05T08:00:00Z.
const BEGINNING: DateTime<Utc> = match DateTime::from_timestamp(1_767_600_000, 0) {
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// What a topic is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Orders,
    Payments,
    Shipments,
    Signups,
    Inventory,
    PageViews,
    Sensors,
    Logs,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Orders,
        Self::Payments,
        Self::Shipments,
        Self::Signups,
        Self::Inventory,
        Self::PageViews,
        Self::Sensors,
        Self::Logs,
    ];

    pub(super) fn of_topic(topic: usize) -> Self {
        Self::ALL[topic % Self::ALL.len()]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Shipments => "shipments",
            Self::Signups => "signups",
            Self::Inventory => "inventory",
            Self::PageViews => "page-views",
            Self::Sensors => "sensors",
            Self::Logs => "logs",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Orders => "checkout-api",
            Self::Payments => "payment-gateway",
            Self::Shipments => "warehouse",
            Self::Signups => "accounts",
            Self::Inventory => "stock-keeper",
            Self::PageViews => "web-edge",
            Self::Sensors => "gateway",
            Self::Logs => "app-server",
        }
    }
}

/// Makes one event after the other; the same seed and run give the same ones.
#[derive(Debug)]
pub struct EventMaker {
    run: RunId,
    topics: Vec<String>,
    rng: ChaCha8Rng,
    made: usize,
    now: DateTime<Utc>,
}

impl EventMaker {
    /// A maker for these topics.
    #[must_use]
    pub fn new(seed: u64, run: &RunId, topics: &[String]) -> Self {
        Self {
            run: run.clone(),
            topics: topics.to_vec(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            made: 0,
            now: BEGINNING,
        }
    }

    /// A new event with an id of its own, in this topic.
    pub fn event(&mut self, topic: usize) -> PlannedEvent {
        let timestamp = self.timestamp();
        self.event_at(topic, &timestamp)
    }

    /// Like [`EventMaker::event`], with the timestamp written as given.
    pub fn event_at(&mut self, topic: usize, timestamp: &str) -> PlannedEvent {
        let payload = payload(Kind::of_topic(topic), &mut self.rng);
        self.event_with(topic, timestamp, &payload)
    }

    /// Like [`EventMaker::event_at`], with the payload given too.
    pub fn event_with(&mut self, topic: usize, timestamp: &str, payload: &Value) -> PlannedEvent {
        self.made += 1;
        let kind = Kind::of_topic(topic);
        let event_id = format!("{}-{}-{:07}", kind.name(), self.run, self.made);
        let source = format!("{}-{}", kind.source(), self.rng.random_range(1..=4));
        let json = json!({
            "topic": self.topics[topic],
            "event_id": event_id,
            "timestamp": timestamp,
            "source": source,
            "payload": payload,
        })
        .to_string();
        PlannedEvent { topic, event_id, json }
    }

    /// Another event under the id of `event`, with a payload that surely differs.
    pub fn contradiction(&mut self, event: &PlannedEvent) -> PlannedEvent {
        self.made += 1;
        let mut payload = payload(Kind::of_topic(event.topic), &mut self.rng);
        if let Some(fields) = payload.as_object_mut() {
            fields.insert("revision".to_owned(), json!(self.made));
        }
        let json = json!({
            "topic": self.topics[event.topic],
            "event_id": event.event_id,
            "timestamp": self.timestamp(),
            "source": "second-thoughts",
            "payload": payload,
        })
        .to_string();
        PlannedEvent { topic: event.topic, event_id: event.event_id.clone(), json }
    }

    /// The payload of `event` under its id, at another time and from another source.
    pub fn restatement(&mut self, event: &PlannedEvent) -> PlannedEvent {
        let sent: Value = serde_json::from_str(&event.json).unwrap_or_default();
        let json = json!({
            "topic": self.topics[event.topic],
            "event_id": event.event_id,
            "timestamp": self.timestamp(),
            "source": "replay",
            "payload": sent["payload"],
        })
        .to_string();
        PlannedEvent { topic: event.topic, event_id: event.event_id.clone(), json }
    }

    /// A topic, each as likely as the next.
    pub fn pick_topic(&mut self) -> usize {
        self.rng.random_range(0..self.topics.len())
    }

    /// The random source, for choices that belong to the same plan.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }

    /// Some milliseconds after the last one, in one of the forms publishers use.
    fn timestamp(&mut self) -> String {
        self.now += TimeDelta::milliseconds(self.rng.random_range(1..2_000));
        match self.rng.random_range(0..10) {
            0..=6 => self.now.to_rfc3339_opts(SecondsFormat::Millis, true),
            7 | 8 => self.now.to_rfc3339_opts(SecondsFormat::Secs, true),
            _ => FixedOffset::east_opt(7 * 3600).map_or_else(
                || self.now.to_rfc3339(),
                |zone| self.now.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Millis, false),
            ),
        }
    }
}

fn payload<R: Rng + ?Sized>(kind: Kind, rng: &mut R) -> Value {
    match kind {
        Kind::Orders => order(rng),
        Kind::Payments => json!({
            "order": rng.random_range(100_000..999_999),
            "amount": money(rng),
            "currency": currency(rng),
            "method": pick(rng, &["card", "invoice", "wallet", "transfer"]),
            "approved": rng.random_bool(0.97),
        }),
        Kind::Shipments => json!({
            "to": {
                "street": StreetName().fake_with_rng::<String, _>(rng),
                "city": CityName().fake_with_rng::<String, _>(rng),
                "postcode": PostCode().fake_with_rng::<String, _>(rng),
                "country": CountryCode().fake_with_rng::<String, _>(rng),
            },
            "carrier": CompanyName().fake_with_rng::<String, _>(rng),
            "kg": money(rng),
        }),
        Kind::Signups => json!({
            "user": Username().fake_with_rng::<String, _>(rng),
            "email": SafeEmail().fake_with_rng::<String, _>(rng),
            "ip": ip(rng),
            "referrer": null,
        }),
        Kind::Inventory => json!({
            "sku": sku(rng),
            "warehouse": CityName().fake_with_rng::<String, _>(rng),
            "change": rng.random_range(-20..=50),
            "on_hand": rng.random_range(0..5_000),
        }),
        Kind::PageViews => json!({
            "path": format!("/products/{}", sku(rng)),
            "user_agent": UserAgent().fake_with_rng::<String, _>(rng),
            "ip": ip(rng),
            "milliseconds": rng.random_range(3..900),
        }),
        Kind::Sensors => json!({
            "device": rng.random_range(1..=400),
            "celsius": f64::from(rng.random_range(-200..=400)) / 10.0,
            "readings": (0..4).map(|_| rng.random_range(0..1_024)).collect::<Vec<u32>>(),
        }),
        Kind::Logs => json!({
            "level": pick(rng, &["info", "info", "info", "warn", "error"]),
            "message": Sentence(4..12).fake_with_rng::<String, _>(rng),
            "pid": rng.random_range(100..40_000),
        }),
    }
}

fn order<R: Rng + ?Sized>(rng: &mut R) -> Value {
    let items: Vec<Value> = (0..rng.random_range(1..=4))
        .map(|_| json!({ "sku": sku(rng), "quantity": rng.random_range(1..=5), "price": money(rng) }))
        .collect();
    json!({
        "customer": {
            "name": Name().fake_with_rng::<String, _>(rng),
            "email": SafeEmail().fake_with_rng::<String, _>(rng),
        },
        "items": items,
        "currency": currency(rng),
    })
}

fn money<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    f64::from(rng.random_range(99..99_999)) / 100.0
}

fn sku<R: Rng + ?Sized>(rng: &mut R) -> String {
    format!("{}-{:05}", pick(rng, &["BK", "EL", "GD", "TY", "HM"]), rng.random_range(0..100_000))
}

fn currency<R: Rng + ?Sized>(rng: &mut R) -> &'static str {
    pick(rng, &["EUR", "USD", "IDR", "JPY", "GBP"])
}

/// The crate's own faker for addresses ignores the random source it is given.
fn ip<R: Rng + ?Sized>(rng: &mut R) -> String {
    std::net::Ipv4Addr::from_bits(rng.random()).to_string()
}

fn pick<R: Rng + ?Sized>(rng: &mut R, choices: &[&'static str]) -> &'static str {
    choices[rng.random_range(0..choices.len())]
}
