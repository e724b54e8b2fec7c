//! Attackers that send whole requests.

use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use siphasher::sip::SipHasher24;
use tokio::time::sleep;

use super::deeds::{Attacker, Deeds, Victims};
use crate::testbed::TestbedError;

const CLIENTS: u64 = 8;
/// Between two requests of one client: it is not the number of them that does harm.
const EVERY: Duration = Duration::from_millis(20);
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
const TIMESTAMP: &str = "2025-10-24T15:12:30Z";

/// Sends one request after the other, counted from 0 over all clients.
fn clients(
    (victims, deeds): (&Victims, &Arc<Deeds>),
    every: Duration,
    request: impl Fn(&Client, &Victims, u64) -> RequestBuilder + Copy + Send + Sync + 'static,
) -> Result<Vec<Attacker>, TestbedError> {
    let client = Client::builder().timeout(ANSWERED_WITHIN).build().map_err(std::io::Error::other)?;
    let numbers = Arc::new(AtomicU64::new(0));
    let one = |_| -> Attacker {
        let (client, victims, deeds, numbers) = (client.clone(), victims.clone(), deeds.clone(), numbers.clone());
        Box::pin(async move {
            let mut first = true;
            loop {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let answer = request(&client, &victims, number).send().await;
                deeds.done(&mut first);
                if let Some(answer) = answer.ok().filter(|answer| answer.status().is_server_error()) {
                    let path: String = answer.url().path().chars().take(100).collect();
                    deeds.server_error(format!("{} to {path}", answer.status()));
                }
                sleep(every).await;
            }
        })
    };
    Ok((0..CLIENTS).map(one).collect())
}

pub(super) fn forged_cursors(victims: &Victims, deeds: &Arc<Deeds>) -> Result<Vec<Attacker>, TestbedError> {
    clients((victims, deeds), EVERY, |client, victims, number| {
        let (path, cursor) = match number % 8 {
            0 => ("/topics?", sealed(b"topics", b"a\0b")),
            1 => ("/topics?", sealed(b"topics", "\u{10ffff}".repeat(5_000).as_bytes())),
            2 => ("/topics?", sealed(b"topics", b"\xff\xfe")),
            3 => ("/events?", sealed(b"events", &positions(4_000, i64::MAX))),
            4 => ("/events?", sealed(b"events", &[0x80; 4_000])),
            5 => ("/events?topic=t&", sealed(b"events of t", &positions(4_000, 0))),
            6 => ("/events?", "x".repeat(60_000)),
            _ => ("/events?", format!("{number}")),
        };
        client.get(format!("http://{}{path}cursor={cursor}", victims.api))
    })
}

/// A cursor whose check is right: how it is made is no secret.
fn sealed(list: &[u8], body: &[u8]) -> String {
    let mut hash = SipHasher24::new();
    hash.write(list);
    hash.write(&[0]);
    hash.write(body);
    URL_SAFE_NO_PAD.encode([&[1], hash.finish().to_be_bytes().as_slice(), body].concat())
}

/// Log 1, partitions from 0 on, each at this offset; as LEB128.
fn positions(partitions: u64, offset: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for partition in 0..partitions {
        for mut value in [1, partition, offset.unsigned_abs()] {
            while value >= 0x80 {
                bytes.push((value as u8) | 0x80);
                value >>= 7;
            }
            bytes.push(value as u8);
        }
    }
    bytes
}

pub(super) fn long_names(victims: &Victims, deeds: &Arc<Deeds>) -> Result<Vec<Attacker>, TestbedError> {
    clients((victims, deeds), EVERY, |client, victims, number| {
        let url = |path: &str| format!("http://{}{path}", victims.api);
        let long = |bytes: usize| "x".repeat(bytes);
        match number % 7 {
            0 => client.get(url("/livez")).header("x-request-id", long(8_000)),
            1 => client.get(url(&format!("/events/{}/{}", long(30_000), long(30_000)))),
            2 => client.get(url(&format!("/events?topic={}", "%C3%A9".repeat(5_000)))),
            3 => client.get(url(&format!("/events?{}=1", long(30_000)))),
            4 => client
                .get(url("/events?limit=1"))
                .header("prefer", long(8_000))
                .header("traceparent", long(8_000))
                .header("x-forwarded-prefix", format!("/{}", long(8_000))),
            5 => publish(client, victims, &vec![event("long", &long(256)); 2_000]),
            _ => {
                // As long as an id may be.
                let id = |n: usize| format!("{n:03}{}", "🦀".repeat(252));
                let topic = format!("long-{}", victims.run);
                publish(client, victims, &(0..100).map(|n| event(&topic, &id(n))).collect::<Vec<_>>())
            }
        }
    })
}

pub(super) fn many_topics(victims: &Victims, deeds: &Arc<Deeds>) -> Result<Vec<Attacker>, TestbedError> {
    const AT_ONCE: u64 = 100;
    const EVERY: Duration = Duration::from_millis(100);
    clients((victims, deeds), EVERY, |client, victims, number| {
        let topics = number * AT_ONCE..(number + 1) * AT_ONCE;
        let events: Vec<_> = topics.map(|topic| event(&format!("many-{}-{topic}", victims.run), "1")).collect();
        publish(client, victims, &events)
    })
}

fn event(topic: &str, event_id: &str) -> Value {
    json!({ "topic": topic, "event_id": event_id, "timestamp": TIMESTAMP, "source": "attacker" })
}

fn publish(client: &Client, victims: &Victims, events: &[Value]) -> RequestBuilder {
    let body = json!(events).to_string();
    let request = client.post(format!("http://{}/publish", victims.api)).header("content-type", "application/json");
    request.header("prefer", "respond-async").body(body)
}
