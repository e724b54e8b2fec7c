//! Connections: kept while a load balancer keeps them, ended in order, and fewer than there are open files.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::raw::Raw;
use crate::support::{App, event, until};

/// As good as never.
const NEVER: &str = "1h";
/// Gone long before a test is.
const SOON: &str = "300ms";

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_outlives_the_time_for_a_header() {
    let settings = App::setup().set("HEADER_READ_TIMEOUT", SOON).set("IDLE_TIMEOUT", NEVER).consumers(0);
    let app = settings.start().await;
    let (mut idle, mut fresh) = (connect(&app).await, connect(&app).await);
    idle.get("/livez").await.unwrap();

    // Whoever begins a header later is cut off in between: the time for a header is over.
    let mut slow = connect(&app).await;
    slow.send("GET /livez HTTP/1.1\r\nHost:").await;
    slow.ended().await;

    for kept in [&mut idle, &mut fresh] {
        assert_eq!(kept.get("/livez").await.expect("an answer").status(), "200");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_ends_after_its_own_time() {
    let settings = App::setup().set("HEADER_READ_TIMEOUT", NEVER).set("IDLE_TIMEOUT", SOON).consumers(0);
    let app = settings.start().await;
    let (mut idle, mut fresh) = (connect(&app).await, connect(&app).await);
    idle.get("/livez").await.unwrap();

    idle.ended().await;
    fresh.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_comes_byte_by_byte_is_late_as_a_whole() {
    let settings = App::setup().set("HEADER_READ_TIMEOUT", SOON).set("IDLE_TIMEOUT", NEVER).consumers(0);
    let app = settings.start().await;
    let mut slow = connect(&app).await;
    slow.get("/livez").await.unwrap();

    slow.send("GET /livez HTTP/1.1\r\nX-Long: ").await;
    until("the connection ends", async || {
        slow.send("x").await;
        tokio::time::timeout(Duration::from_millis(1), slow.ended()).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_cap_an_idle_connection_makes_room() {
    let settings = App::setup().set("IDLE_TIMEOUT", NEVER).set("HEADER_READ_TIMEOUT", NEVER);
    // The client's own connections make room, too.
    let app = settings.set("MAX_CONNECTIONS", 2).consumers(0).start().await;
    let (mut longest, mut shorter) = (connect(&app).await, connect(&app).await);
    longest.get("/livez").await.unwrap();
    shorter.get("/livez").await.unwrap();

    let mut next = connect(&app).await;

    assert_eq!(next.get("/livez").await.expect("an answer").status(), "200");
    // That it is the one which was idle for longest is shown where rooms are tested: from here it can't be
    // seen whether the server has noticed that its answer to the first one is sent.
    let mut other = tokio::select! {
        () = longest.ended() => shorter,
        () = shorter.ended() => longest,
    };
    assert_eq!(other.get("/livez").await.expect("an answer").status(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_idle_clients_leave_room_for_broker_and_database() {
    const OPEN_FILES: usize = 256;
    let mut app = App::setup().set("IDLE_TIMEOUT", NEVER).prepare().await;
    app.start_api_within(OPEN_FILES).await;
    app.start_consumer().await;
    app.healthy().await;
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(TcpStream::connect(app.client.address()).await.unwrap());
    }

    for n in 0..50 {
        assert_eq!(app.client.publish(&event("orders", n)).await.expect(200).outcomes(), ["stored"]);
    }
    assert_eq!(app.client.get("/events?topic=orders").await.expect(200).json().as_array().unwrap().len(), 50);
    assert_eq!(app.stats().await["stale"], false);
    app.client.get("/readyz").await.expect(200);
    let printed = app.printed("api");
    assert!(printed.contains("open_files=256") && printed.contains("MAX_CONNECTIONS is 4096"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_open_files_that_leaves_no_room_is_an_error() {
    let app = App::setup().consumers(0).prepare().await;

    let (status, printed) = app.run_api_within(64);

    assert!(!status.success());
    assert!(printed.contains("open files is 64"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_about_to_stop_says_so_and_goes_on_for_the_delay() {
    let app = App::setup().set("SHUTDOWN_DELAY", NEVER).start().await;
    let mut kept = connect(&app).await;
    kept.get("/livez").await.unwrap();

    app.api().terminate();

    until("it is not ready", async || app.client.get("/readyz").await.status == 503).await;
    let ready = app.client.get("/readyz").await.expect(503);
    assert!(ready.text.contains("about to stop"), "{}", ready.text);
    assert_eq!(app.client.publish(&event("orders", 1)).await.expect(200).outcomes(), ["stored"]);
    let last = kept.get("/livez").await.expect("an answer");
    assert_eq!((last.status(), last.header("connection")), ("200", "close"));
    kept.ended().await;

    // A second signal does not wait.
    app.api().terminate();
    until("it has ended", async || !app.api().is_running()).await;
    assert!(app.printed("api").contains("stopped before everything had ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_about_to_stop_is_not_ready_and_stores_on() {
    let mut app = App::setup().set("SHUTDOWN_DELAY", NEVER).prepare().await;
    let consumer = app.start_serve().await;
    until("the consumer is ready", async || consumer.get("/readyz").await.status == 200).await;
    app.healthy().await;

    app.api().terminate();

    until("the consumer is not ready", async || consumer.get("/readyz").await.status == 503).await;
    assert_eq!(app.client.publish(&event("orders", 1)).await.expect(200).outcomes(), ["stored"]);
    app.api().terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_delay_it_ends_in_order() {
    let mut app = App::setup().set("SHUTDOWN_DELAY", "1s").start().await;
    let mut idle = connect(&app).await;
    idle.get("/livez").await.unwrap();

    app.stop_api();
    app.stop_consumers();

    idle.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_all_at_once_are_answered_in_their_order() {
    let app = App::setup().consumers(0).start().await;
    let mut client = connect(&app).await;

    client.send(&"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20)).await;

    for _ in 0..20 {
        assert_eq!(client.answer().await.expect("an answer").status(), "200");
        assert_eq!(client.answer().await.expect("an answer").status(), "404");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_clients_and_odd_requests_are_understood() {
    let app = App::setup().consumers(0).start().await;
    let cases = [
        // HTTP/1.0, as monitoring scripts speak it: the connection ends with the answer.
        ("GET /livez HTTP/1.0\r\n\r\n", "200", true),
        ("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200", false),
        ("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200", true),
        // As a proxy is asked.
        ("GET http://x/livez HTTP/1.1\r\nHost: x\r\n\r\n", "200", false),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "404", false),
        ("OPTIONS /publish HTTP/1.1\r\nHost: x\r\n\r\n", "405", false),
        // No slash is one of an id's own.
        ("GET /events/a%2Fb/c HTTP/1.1\r\nHost: x\r\n\r\n", "404", false),
        ("GET /livez?x=%zz HTTP/1.1\r\nHost: x\r\n\r\n", "200", false),
        ("nonsense\r\n\r\n", "400", true),
        ("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400", true),
    ];
    for (request, status, ends) in cases {
        let mut client = connect(&app).await;
        client.send(request).await;
        let answer = client.answer().await.unwrap_or_else(|| panic!("no answer: {request}"));
        assert_eq!(answer.status(), status, "{request}: {answer:?}");
        if ends {
            client.ended().await;
        } else {
            assert_eq!(client.get("/livez").await.expect("an answer").status(), "200", "{request}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_announced_is_asked_for_and_one_that_is_refused_is_not() {
    let app = App::start().await;
    let body = json!([event("orders", 1)]).to_string();
    let request = |media_type: &str| {
        let length = body.len();
        format!(
            "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let (mut taken, mut refused) = (connect(&app).await, connect(&app).await);

    taken.send(&request("application/json")).await;
    assert_eq!(taken.answer().await.expect("an answer").status(), "100");
    taken.send(&body).await;
    assert_eq!(taken.answer().await.expect("an answer").status(), "200");
    refused.send(&request("text/plain")).await;
    assert_eq!(refused.answer().await.expect("an answer").status(), "415");
}

async fn connect(app: &App) -> Raw {
    Raw::connect(&app.client.address()).await
}
