//! Behind nginx, as people run it: under a path prefix, through a rolling restart, over connections that
//! are kept for a minute.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Url;
use stack::free_port;
use tokio::time::sleep;

use crate::support::app::assert_clean;
use crate::support::client::{ASYNC, Client};
use crate::support::counters::balanced;
use crate::support::nginx::Nginx;
use crate::support::raw::Raw;
use crate::support::{App, event, events, until};

/// Where `Link` leads, as every browser and every client of RFC 8288 finds it.
fn next(asked: &Url, link: &str) -> Option<Url> {
    let (target, relation) = link.strip_prefix('<')?.split_once('>')?;
    assert_eq!(relation.trim(), r#"; rel="next""#);
    Some(asked.join(target).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_path_prefix_links_lead_through_all_pages() {
    let app = App::start().await;
    app.client.publish(&serde_json::json!(events("orders", 0..50))).await.expect(200);
    app.client.publish(&serde_json::json!(events("refunds", 0..5))).await.expect(200);
    let nginx = Nginx::before(&[app.port()]).await;

    for (path, rows) in
        [("/inbox/events?topic=orders&limit=7", 50), ("/inbox/events?limit=30", 55), ("/inbox/topics?limit=1", 2)]
    {
        let mut seen = 0;
        let mut url = Some(Url::parse(&format!("http://{}{path}", nginx.client.address())).unwrap());
        while let Some(asked) = url {
            assert!(asked.path().starts_with("/inbox/"), "{asked}");
            let answer = nginx.client.get(asked.as_str()).await.expect(200);
            seen += answer.json().as_array().unwrap().len();
            url = next(&asked, answer.header("link"));
        }
        assert_eq!(seen, rows, "{path}");
    }
}

/// What a page names in its attributes `href`, `src` and `spec-url`, resolved as a browser does.
fn named(page: &Url, html: &str) -> Vec<Url> {
    let values = |name: &str| -> Vec<String> {
        let attribute = format!(" {name}=\"");
        html.replace("<base href", "<base")
            .split(&attribute)
            .skip(1)
            .map(|part| part.split('"').next().unwrap().to_owned())
            .collect()
    };
    let base = html.split("<base href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let base = base.map_or_else(|| page.clone(), |base| page.join(base).unwrap());
    let all = ["href", "src", "spec-url"].map(values).concat();
    all.iter().map(|value| base.join(value).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_path_prefix_the_pages_of_documentation_load_all_that_is_theirs() {
    let app = App::setup().consumers(0).start().await;
    let nginx = Nginx::before(&[app.port()]).await;

    for prefix in ["/inbox", ""] {
        for path in ["/docs", "/docs/", "/redoc", "/redoc/"] {
            let page = Url::parse(&format!("http://{}{prefix}{path}", nginx.client.address())).unwrap();
            // A browser follows the redirect of the last slash.
            let shown = Url::parse(page.as_str().trim_end_matches('/')).unwrap();
            let html = nginx.client.get(page.as_str()).await.expect(200).text;
            let named = named(&shown, &html);
            assert!(named.len() >= 2, "{html}");
            let mut describe = path.starts_with("/redoc");
            for url in named {
                assert!(url.path().starts_with(&format!("{prefix}/")), "{url}");
                let answer = nginx.client.get(url.as_str()).await.expect(200);
                // Swagger UI's page names the description in a script.
                if let Some((_, rest)) = answer.text.split_once("\"url\": \"") {
                    let described = shown.join("docs/").unwrap().join(rest.split('"').next().unwrap()).unwrap();
                    assert_eq!(described.path(), format!("{prefix}/openapi.json"));
                    describe = true;
                }
            }
            assert!(describe, "{page} names no description");
        }
        let described = Url::parse(&format!("http://{}{prefix}/openapi.json", nginx.client.address())).unwrap();
        let description = nginx.client.get(described.as_str()).await.expect(200).json();
        let server = described.join(description["servers"][0]["url"].as_str().unwrap()).unwrap();
        assert_eq!(server.path(), format!("{prefix}/"));
        let root = nginx.client.get(server.as_str()).await.expect(200).json();
        for link in root["links"].as_object().unwrap().values() {
            let target = server.join(link.as_str().unwrap()).unwrap();
            assert_ne!(nginx.client.get(target.as_str()).await.status, 404, "{target}");
        }
    }
}

/// Publishes one event after the other, each until it is kept, and counts the answers.
async fn publish_on(client: Client, name: usize, done: Arc<AtomicBool>) -> (usize, BTreeMap<u16, usize>) {
    let (mut answers, mut kept) = (BTreeMap::new(), 0);
    while !done.load(Ordering::Relaxed) {
        let one = event("orders", format!("{name}-{kept}"));
        // Refused or cut off: a failure of the test.
        let answer = client.try_publish(&one, ASYNC).await.unwrap();
        *answers.entry(answer.status).or_default() += 1;
        kept += usize::from(answer.status < 300);
    }
    (kept, answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_two_apis_refuses_nobody() {
    let mut app = App::setup().set("SHUTDOWN_DELAY", "1s").prepare().await;
    let ports = [free_port().unwrap(), free_port().unwrap()];
    let mut apis = Vec::new();
    for port in ports {
        apis.push(app.another_api(port).await);
    }
    app.start_consumer().await;
    let nginx = Nginx::before(&ports).await;
    let done = Arc::new(AtomicBool::new(false));
    let load: Vec<_> =
        (0..8).map(|name| tokio::spawn(publish_on(nginx.client.clone(), name, Arc::clone(&done)))).collect();

    for _ in 0..2 {
        for (place, port) in ports.into_iter().enumerate() {
            let before = app.progress().await;
            until("events are stored", async || app.progress().await > before).await;
            assert_clean(&apis[place]);
            apis[place] = app.another_api(port).await;
        }
    }
    done.store(true, Ordering::Relaxed);

    let (mut kept, mut answers) = (0, BTreeMap::new());
    for publisher in load {
        let (of_one, of_each) = publisher.await.unwrap();
        kept += of_one as i64;
        for (status, count) in of_each {
            *answers.entry(status).or_insert(0) += count;
        }
    }
    println!("answers by status: {answers:?}");
    assert!(answers.keys().all(|status| [202, 503].contains(status)), "{answers:?}\n{}", nginx.complaints());
    app.drained().await;
    assert_eq!(app.database.number("SELECT count(*) FROM events").await, kept);
}

/// Takes nine minutes: `make verify`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes nine minutes: make verify"]
async fn ten_thousand_requests_over_connections_that_are_idle_for_ten_seconds_get_no_502() {
    const CONNECTIONS: usize = 200;
    const EACH: usize = 50;
    let app = App::start().await;
    let nginx = Nginx::before(&[app.port()]).await;
    let address = nginx.client.address();
    let publishers: Vec<_> = (0..CONNECTIONS)
        .map(|name| {
            let address = address.clone();
            tokio::spawn(async move {
                let mut connection = Raw::connect(&address).await;
                let mut answers: BTreeMap<String, usize> = BTreeMap::new();
                for n in 0..EACH {
                    // 9.9 to 10.1 s: around the moment at which a server that closes after 10 s does so.
                    sleep(Duration::from_millis(9_900 + (name * 7_919 + n * 104_729) as u64 % 201)).await;
                    let body = event("orders", format!("{name}-{n}")).to_string();
                    let request = format!(
                        "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nPrefer: respond-async\r\n\r\n{body}",
                        body.len()
                    );
                    connection.send(&request).await;
                    let answer = connection.answer().await;
                    let status = answer.as_ref().map_or("none", |answer| answer.status()).to_owned();
                    if answer.is_none() {
                        connection = Raw::connect(&address).await;
                    }
                    *answers.entry(status).or_default() += 1;
                }
                answers
            })
        })
        .collect();

    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for publisher in publishers {
        for (status, count) in publisher.await.unwrap() {
            *answers.entry(status).or_default() += count;
        }
    }

    println!("answers by status: {answers:?}");
    assert_eq!(answers, BTreeMap::from([("202".to_owned(), CONNECTIONS * EACH)]), "{}", nginx.complaints());
    assert_eq!(balanced(&app).await.stored, (CONNECTIONS * EACH) as i64);
}
