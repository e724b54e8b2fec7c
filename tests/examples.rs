//! The requests that README and book show, sent in their order: they are answered as it is written there. Only ids,
//! times and cursors differ.

use std::fs;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{App, until};

/// What differs from one time to the next.
const VOLATILE: [&str; 5] = ["stored_at", "next_cursor", "uptime", "uptime_seconds", "uptime_human"];

/// A request as it is written for a shell, and the answer that is shown below it.
#[derive(Clone)]
struct Example {
    request: String,
    answer: String,
}

fn examples(page: &str) -> Vec<Example> {
    let text = fs::read_to_string(stack::checkout().join(page)).unwrap();
    let blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    let example = |pair: &[&str]| {
        let request = pair[0].strip_prefix("sh\n").filter(|request| request.starts_with("curl "))?;
        let answer = pair[1].strip_prefix("json\n").or_else(|| pair[1].strip_prefix("http\n"))?;
        Some(Example { request: request.to_owned(), answer: answer.to_owned() })
    };
    blocks.windows(2).filter_map(example).collect()
}

/// The words of a command, as a shell sees them; only single quotes are understood.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let part = |(index, part): (usize, &str)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    parts.flat_map(part).collect()
}

impl Example {
    fn publishes(&self) -> bool {
        self.request.contains(" -d ")
    }

    async fn send(&self, app: &App) -> (u16, HeaderMap, Value) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let words = words(&self.request);
        let url = words.iter().find(|word| word.starts_with("http://")).unwrap();
        let url = url.replace("127.0.0.1:8080", &app.client.address());
        let mut request = if self.publishes() { http.post(url) } else { http.get(url) };
        for option in words.windows(2) {
            request = match (option[0].as_str(), &option[1]) {
                ("-H", header) => {
                    let (name, value) = header.split_once(": ").unwrap();
                    request.header(name, value)
                }
                ("-d", body) => request.body(body.clone()),
                _ => request,
            };
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.headers().clone(), response.json().await.unwrap())
    }

    /// Fails unless it is answered as it is written.
    async fn holds(&self, app: &App) -> Value {
        let (status, headers, body) = self.send(app).await;

        let (head, shown) = match self.answer.split_once("\n\n") {
            Some((head, shown)) if head.starts_with("HTTP/1.1 ") => (head, shown),
            _ => ("", self.answer.as_str()),
        };
        let shown: Value = serde_json::from_str(shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
        assert_eq!(masked(&body), masked(&shown), "{}", self.request);
        let mut lines = head.lines();
        let shown_status = match lines.next() {
            Some(line) => line.split(' ').nth(1).unwrap().parse().unwrap(),
            None => shown["status"].as_u64().unwrap_or(200),
        };
        assert_eq!(u64::from(status), shown_status, "{}", self.request);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let sent = headers.get(name).unwrap_or_else(|| panic!("no {name}: {}", self.request)).to_str().unwrap();
            if name != "x-request-id" {
                assert_eq!(without_cursor(sent), without_cursor(value), "{}", self.request);
            }
        }
        body
    }
}

fn masked(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_volatile = |name: &str| {
                VOLATILE.contains(&name) || name == "timestamp" && members.contains_key("consumer_running")
            };
            let member = |(name, value): (&String, &Value)| {
                let value = if is_volatile(name) { json!("…") } else { masked(value) };
                (name.clone(), value)
            };
            members.iter().map(member).collect()
        }
        Value::Array(values) => values.iter().map(masked).collect(),
        other => other.clone(),
    }
}

fn without_cursor(link: &str) -> String {
    match link.split_once("cursor=") {
        Some((before, rest)) => format!("{before}cursor=…{}", rest.split_once('>').map_or("", |(_, after)| after)),
        None => link.to_owned(),
    }
}

/// Waits until as many events are stored or judged as were published.
async fn all_is_stored(app: &App, published: u64) {
    until("all examples are stored", async || {
        let stats = app.client.get("/stats").await;
        stats.status == 200 && stats.get("pending") == 0 && stats.get("received") == published
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_in_the_documents_is_answered_as_they_say() {
    // As `make up` has it, but for patience.
    let app = App::setup().partitions(8).set("VERDICT_WAIT", "30s").start().await;

    // The README publishes its event twice, and cuts the answer.
    let readme = examples("README.md");
    assert_eq!(readme.len(), 1);
    for outcome in ["stored", "duplicate"] {
        let (status, _, body) = readme[0].send(&app).await;
        assert_eq!((status, &body["events"][0]["outcome"]), (200, &json!(outcome)));
    }

    let mut published = 2;
    let shown = [examples("docs/src/reference/http.md"), examples("docs/src/reference/errors.md")].concat();
    assert!(shown.len() > 10, "{}", shown.len());
    for example in &shown {
        if !example.publishes() {
            all_is_stored(&app, published).await;
        }
        let body = example.holds(&app).await;
        if example.publishes() {
            published += body["received"].as_u64().unwrap_or(0);
        }
    }
}
