//! A few sockets stop nobody: clients that stand still cost little memory and no place, and others are served
//! beside them.

use serde_json::json;

use crate::support::raw::Raw;
use crate::support::{App, event, event_with, until};

/// As good as never.
const NEVER: &str = "1h";
/// What an api may take while it is crowded.
const MOST_MEMORY: u64 = 128 << 20;

async fn connect(app: &App) -> Raw {
    Raw::connect(&app.client.address()).await
}

/// The value of a counter or gauge of the api, or the sum over its series.
async fn measured(app: &App, series: &str) -> f64 {
    let metrics = app.client.get("/metrics").await.expect(200).text;
    let lines = metrics.lines().filter(|line| line.starts_with(series));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

async fn hits(app: &App, limit: &str) -> f64 {
    measured(app, &format!("oncelog_limit_hits_total{{limit=\"{limit}\"}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_headers_that_never_end_take_little_memory_and_nobody_is_refused() {
    let app = App::setup().set("HEADER_READ_TIMEOUT", NEVER).start().await;
    // Some are too long, others are not, and too many.
    let headers = [400, 60].map(|kib| format!("GET /livez?{} HTTP/1.1\r\nHost: x\r\nX-Long: ", "x".repeat(kib << 10)));
    let mut clients = Vec::new();
    for n in 0..1000 {
        let mut client = connect(&app).await;
        client.send(&headers[n % 2]).await;
        clients.push(client);
    }

    for n in 0..20 {
        assert_eq!(app.client.publish(&event("orders", n)).await.expect(200).outcomes(), ["stored"]);
        app.client.get("/events?topic=orders").await.expect(200);
    }

    let memory = app.api().rss().unwrap();
    assert!(memory < MOST_MEMORY, "{} MiB", memory >> 20);
    assert!(hits(&app, "header_bytes").await > 0.0 && hits(&app, "header_budget").await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_take_nothing_leave_room_for_small_answers() {
    const READERS: usize = 12;
    let app = App::setup().set("SEND_TIMEOUT", NEVER).start().await;
    let text = "x".repeat(900_000);
    for n in 0..6 {
        app.client.publish(&event_with("large", n, json!({ "text": text }))).await.expect(200);
    }
    app.client.publish(&event("small", 1)).await.expect(200);
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = Raw::connect_narrowly(&app.client.address()).await;
        reader.send("GET /events?topic=large&limit=10000 HTTP/1.1\r\nHost: x\r\n\r\n").await;
        readers.push(reader);
    }
    let lists = "oncelog_http_requests_total{method=\"GET\",path=\"/events\"";
    until("all are answered or refused", async || measured(&app, lists).await >= READERS as f64).await;

    for _ in 0..20 {
        for path in ["/events?topic=small", "/events?topic=small&limit=1", "/events/small/1", "/topics", "/stats"] {
            app.client.get(path).await.expect(200);
        }
    }

    assert!(hits(&app, "response_budget_bytes").await > 0.0, "there is no room for more large ones");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_early_where_there_is_no_room_and_the_next_one_goes_on() {
    // Room for three such events, each beside its text.
    let app = App::setup().set("RESPONSE_BUDGET_BYTES", "8MiB").start().await;
    let text = "x".repeat(900_000);
    for n in 0..4 {
        app.client.publish(&event_with("large", n, json!({ "text": text }))).await.expect(200);
    }

    let (mut path, mut pages, mut ids) = ("/events?topic=large&format=page".to_owned(), 0, Vec::new());
    loop {
        let page = app.client.get(&path).await.expect(200).json();
        ids.extend(page["events"].as_array().unwrap().iter().map(|event| event["event_id"].clone()));
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/events?topic=large&format=page&cursor={cursor}");
    }

    assert_eq!((pages, ids), (2, ["0", "1", "2", "3"].map(|id| json!(id)).to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_end_leave_room_for_small_ones() {
    const BYTES: usize = 8 << 20;
    let app = App::setup().set("MIN_TRANSFER_RATE", 0).start().await;
    let head = format!("POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: {BYTES}\r\n\r\n");
    let mut senders = Vec::new();
    for _ in 0..4 {
        let mut sender = connect(&app).await;
        sender.send(&head).await;
        sender.send(&" ".repeat(BYTES - 1)).await;
        senders.push(sender);
    }
    let refused = "oncelog_http_requests_total{method=\"POST\",path=\"/publish\",status=\"429\"}";
    until("there is no room for all of them", async || measured(&app, refused).await > 0.0).await;

    for n in 0..20 {
        assert_eq!(app.client.publish(&event("orders", n)).await.expect(200).outcomes(), ["stored"]);
    }

    assert!(hits(&app, "body_budget_bytes").await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stands_still_is_told_the_least_rate() {
    let app = App::setup().consumers(0).start().await;
    let mut sender = connect(&app).await;

    sender.send("POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{").await;
    let answer = sender.answer().await.expect("an answer");

    assert_eq!(answer.status(), "408");
    assert!(answer.body.contains("slower than 1024 bytes per second"), "{answer:?}");
    assert!(hits(&app, "min_transfer_rate").await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_cap_the_oldest_half_header_makes_room() {
    let settings = App::setup().set("IDLE_TIMEOUT", NEVER).set("HEADER_READ_TIMEOUT", NEVER);
    // The client's own connections make room, too.
    let app = settings.set("MAX_CONNECTIONS", 2).consumers(0).start().await;
    let mut halves = Vec::new();
    for _ in 0..2 {
        let mut half = connect(&app).await;
        half.send("GET /livez HTTP/1.1\r\nHost:").await;
        halves.push(half);
    }

    let mut next = connect(&app).await;

    assert_eq!(next.get("/livez").await.expect("an answer").status(), "200");
    // Which of the two is seen where rooms are tested: from here it can't be told whose bytes were read first.
    let [mut one, mut other] = <[Raw; 2]>::try_from(halves).ok().unwrap();
    tokio::select! {
        () = one.ended() => {}
        () = other.ended() => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_headers_do_not_keep_a_probe_of_the_consumer_waiting() {
    let app = App::start().await;
    let consumer = app.consumer_client(0);
    let mut halves = Vec::new();
    for _ in 0..200 {
        let mut half = Raw::connect(&consumer.address()).await;
        half.send("GET /livez HTTP/1.1\r\nHost:").await;
        halves.push(half);
    }

    // A probe comes over a connection of its own.
    for path in ["/livez", "/readyz"] {
        let answer = Raw::connect(&consumer.address()).await.get(path).await.unwrap();
        assert_eq!(answer.status(), "200", "{path}");
    }

    let metrics = Raw::connect(&consumer.address()).await.get("/metrics").await.unwrap().body;
    let hits =
        metrics.lines().find_map(|line| line.strip_prefix("oncelog_limit_hits_total{limit=\"max_connections\"} "));
    assert!(hits.is_some_and(|hits| hits != "0"), "{hits:?}");
}
