//! Whatever is sent, an api answers it or says what is wrong with it, and holds no more memory for it: random
//! requests, most of them nearly right, byte by byte.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::Value;
use stack::peak;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tokio::time::timeout;

use crate::support::App;
use crate::support::counters::balanced;

/// What is begun and not ended is cut off after this time.
const SOON: &str = "100ms";
const ANSWERED_WITHIN: Duration = Duration::from_secs(90);
/// No api holds more, whatever it is sent.
const MOST_BYTES: u64 = 128 << 20;

const EVENT: &str =
    r#"{"topic":"t","event_id":"1","timestamp":"2025-10-24T15:12:30Z","source":"s","payload":{"a":[1,{"b":"c"}]}}"#;

/// A request as it goes over the wire.
#[derive(Clone)]
struct Sent(Vec<u8>);

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.escape_ascii().to_string())
    }
}

fn one_of(all: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    prop::sample::select(all.to_vec()).prop_map(str::to_owned)
}

/// Many of one character: as long as somebody likes.
fn long(most: usize) -> impl Strategy<Value = String> {
    (0..most, prop::sample::select(vec!["x", "%41", "%C3%A9"])).prop_map(|(times, text)| text.repeat(times))
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![6 => one_of(&["GET", "POST"]), 1 => one_of(&["HEAD", "OPTIONS", "PUT", "DELETE", "get", "G@T", ""])]
}

fn target() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        8 => one_of(&["/publish", "/events", "/events/t/1", "/topics", "/stats", "/health", "/readyz"]),
        1 => one_of(&["/events/%00/%ff", "/events/../..", "/events/t/", "/events/a%2Fb/c"]),
        1 => one_of(&["/", "//", "*", "http://x/livez", "events"]),
        1 => long(3_000).prop_map(|name| format!("/events/{name}/{name}")),
    ];
    let name = one_of(&["topic", "event_id", "limit", "cursor", "format", "_x", "limits", "%6cimit", ""]);
    let value = prop_oneof![
        6 => one_of(&["t", "1", "0", "10000", "-1", "page", "list", "%00", "%ff", "a+b", "AdQEnDGCgP5zAQQA", ""]),
        1 => long(3_000),
    ];
    let query = prop::collection::vec((name, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    });
    (path, query).prop_map(|(path, query)| path + &query)
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    let name = one_of(&[
        "Prefer",
        "traceparent",
        "X-Request-Id",
        "X-Forwarded-Prefix",
        "Content-Type",
        "Content-Encoding",
        "Accept",
        "Expect",
        "Connection",
        "Transfer-Encoding",
        "Content-Length",
        "Host",
        "X-Other",
        "X Y",
        "",
    ]);
    let value = prop_oneof![
        8 => one_of(&[
            "wait=1", "wait=0, respond-async", "wait=99999999999999999999", "application/json", "text/plain", "identity",
            "gzip", "application/x-ndjson", "100-continue", "upgrade", "chunked", "0", "7", "/inbox", "//evil", "*/*;q=0",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ]).prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => long(100_000).prop_map(String::into_bytes),
    ];
    (name, value).prop_map(|(name, value)| [name.as_bytes(), b": ", &value].concat())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        4 => Just(EVENT.to_owned()),
        2 => (1..300_usize).prop_map(|count| format!("[{}]", vec![EVENT; count].join(","))),
        1 => Just(format!(r#"{{"events":[{EVENT}]}}"#)),
        1 => Just(format!("{EVENT}\n{EVENT}")),
        1 => (1..200_usize).prop_map(|depth| EVENT.replace('[', &"[".repeat(depth)).replace(']', &"]".repeat(depth))),
        1 => one_of(&["", "null", "[]", "{}", "[[]]", "\u{feff}{}", r#"{"events":7}"#]),
    ];
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (whole, damage).prop_map(|(whole, damage)| {
        let mut bytes = whole.into_bytes();
        if !bytes.is_empty() {
            damage.into_iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = byte);
        }
        bytes
    })
}

/// How a body's end is told.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks,
    /// More than there is.
    TooLong,
    /// Less than there is: the rest is another request.
    TooShort,
}

fn request() -> impl Strategy<Value = Sent> {
    let framing = prop_oneof![
        12 => Just(Framing::Length),
        4 => Just(Framing::Chunks),
        1 => Just(Framing::TooLong),
        1 => Just(Framing::TooShort)
    ];
    let version = prop_oneof![20 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0"), 1 => Just("HTTP/9"), 1 => Just("")];
    let headers = prop::collection::vec(header(), 0..4);
    (method(), target(), version, headers, body(), framing).prop_map(
        |(method, target, version, headers, body, framing)| {
            let mut bytes = format!("{method} {target} {version}\r\nHost: x\r\nConnection: close\r\n").into_bytes();
            for header in headers {
                bytes.extend([header.as_slice(), b"\r\n"].concat());
            }
            if method == "GET" {
                bytes.extend(b"\r\n");
                return Sent(bytes);
            }
            let length = body.len();
            bytes.extend(match framing {
                Framing::Length => format!("Content-Length: {length}\r\n\r\n").into_bytes(),
                Framing::TooLong => format!("Content-Length: {}\r\n\r\n", length + 1).into_bytes(),
                Framing::TooShort => format!("Content-Length: {}\r\n\r\n", length.saturating_sub(1)).into_bytes(),
                Framing::Chunks => format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n").into_bytes(),
            });
            bytes.extend(body);
            if matches!(framing, Framing::Chunks) {
                bytes.extend(if length > 0 { b"\r\n0\r\n\r\n".as_slice() } else { b"\r\n" });
            }
            Sent(bytes)
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_is_answered_or_refused_by_name() {
    let settings =
        App::setup().set("IDLE_TIMEOUT", SOON).set("HEADER_READ_TIMEOUT", SOON).set("BODY_READ_TIMEOUT", SOON);
    let app = settings.start().await;
    app.healthy().await;
    let config = Config { failure_persistence: None, ..Config::default() };
    let (address, handle) = (app.client.address(), Handle::current());

    let found =
        block_in_place(|| TestRunner::new(config).run(&request(), |sent| handle.block_on(answered(&address, &sent))));

    match found {
        Ok(()) => {}
        Err(TestError::Fail(reason, sent)) => panic!("{reason}: {sent:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    assert!(app.api().is_running() && !app.printed("api").contains("panicked"));
    let most = peak(app.api().pid()).unwrap();
    assert!(most < MOST_BYTES, "the api has held {} MiB", most >> 20);
    balanced(&app).await;
}

/// No answer blames the server, and each refusal says what it is about.
async fn answered(address: &str, sent: &Sent) -> Result<(), TestCaseError> {
    let text = exchange(address, &sent.0).await;
    // A part of a body may be the next request.
    let answers =
        text.split("HTTP/1.").skip(1).filter_map(|answer| answer.get(2..)).filter(|answer| !answer.starts_with("100 "));
    for answer in answers {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let status: u16 = head.get(..3).and_then(|status| status.parse().ok()).unwrap_or_default();
        prop_assert!((200..500).contains(&status), "{}", answer);
        if status == 422 && !sent.0.starts_with(b"HEAD") {
            let problem: Value = serde_json::from_str(body).unwrap_or_default();
            let errors = problem["errors"].as_array().cloned().unwrap_or_default();
            prop_assert!(!errors.is_empty(), "{}", answer);
            let named = |error: &Value| error["pointer"].is_string() || error["parameter"].is_string();
            let is_named =
                |error: &Value| named(error) || error["detail"].as_str().unwrap_or_default().contains("parameter");
            prop_assert!(errors.iter().all(is_named), "{}", answer);
        }
    }
    Ok(())
}

/// All that is answered until the connection ends.
async fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answered = Vec::new();
    let reading = timeout(ANSWERED_WITHIN, read.read_to_end(&mut answered));
    // A failure shows in what is answered.
    let (reading, _) = tokio::join!(reading, write.write_all(bytes));
    let _ = reading.expect("the connection ends");
    String::from_utf8_lossy(&answered).into_owned()
}
