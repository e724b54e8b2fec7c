//! Lists: the order of the log, pages that cover everything once, and the forms they come in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::counters::balanced;
use crate::support::publisher::publish_until_kept;
use crate::support::wait::pause;
use crate::support::{App, event, event_with, events};

/// Where the `Link` header says that the list goes on, if it does.
pub(crate) fn next_link(answer: &Answer) -> Option<String> {
    let link = answer.header("link");
    let (target, relation) = link.split_once('>')?;
    assert!(relation.contains(r#"rel="next""#), "{link}");
    let target = target.trim_start().trim_start_matches('<');
    // Relative or absolute: a client resolves it against what it asked.
    let target = target.find("/events").or(target.find("/topics")).map(|at| &target[at..]);
    Some(target.unwrap().to_owned())
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("{list}"));
    list.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
}

fn numbers(range: impl IntoIterator<Item = usize>) -> Vec<String> {
    range.into_iter().map(|n| n.to_string()).collect()
}

async fn pages(app: &App, first: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(path) = next {
        let answer = app.client.get(&path).await.expect(200);
        pages.push(ids(&answer.json()));
        next = next_link(&answer);
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_listed_oldest_first_in_the_order_of_the_log() {
    let app = App::start().await;
    for batch in events("orders", 0..60).chunks(7) {
        app.client.publish(&json!(batch)).await.expect(200);
        app.client.publish(&event("refunds", batch[0]["event_id"].as_str().unwrap())).await.expect(200);
    }

    let list = app.client.get("/events?topic=orders").await.expect(200).json();

    assert_eq!(ids(&list), numbers(0..60));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_topics_are_listed_newest_first() {
    let app = App::start().await;
    for n in 0..30 {
        app.client.publish(&event(&format!("topic-{}", n % 7), n)).await.expect(200);
    }

    let list = app.client.get("/events").await.expect(200).json();

    assert_eq!(ids(&list), numbers((0..30).rev()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_listed_as_it_was_sent_with_its_position() {
    let app = App::start().await;
    let payload =
        json!({ "text": "Grüße 🎉", "list": [1, 2.5, null, true, {}], "big": 12_345_678_901_234_567_890_u64 });
    let sent = event_with("orders & more/ü", "id?#1", payload.clone());
    app.client.publish(&sent).await.expect(200);

    let list = app.client.list("/events", &[("topic", "orders & more/ü")]).await.expect(200).json();
    let path = "/events/orders%20%26%20more%2F%C3%BC/id%3F%231";
    let single = app.client.get(path).await.expect(200).json();

    assert_eq!(list[0], single);
    for member in ["topic", "event_id", "timestamp", "source", "payload"] {
        assert_eq!(single[member], sent[member], "{member}");
    }
    assert!(single["partition"].is_i64() && single["offset"].is_i64(), "{single}");
    assert!(single["stored_at"].as_str().unwrap().ends_with('Z'), "{single}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_no_path_can_carry_is_found_by_its_query() {
    let app = App::start().await;
    let names = [".", "..", "a/b", "/", "?", "%2F", "ü+ &"];
    let all: Vec<Value> = names.iter().flat_map(|topic| names.map(|id| event(topic, id))).collect();
    app.client.publish(&json!(all)).await.expect(200);

    for topic in names {
        for id in names {
            let asked = [("topic", topic), ("event_id", id)];
            let list = app.client.list("/events", &asked).await.expect(200).json();
            assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
            assert_eq!((&list[0]["topic"], &list[0]["event_id"]), (&json!(topic), &json!(id)));
        }
    }
    let page = app.client.list("/events", &[("topic", "."), ("event_id", ".."), ("format", "page")]).await;
    let page = page.expect(200).json();
    assert_eq!(
        (&page["count"], &page["next_cursor"], ids(&page["events"])),
        (&json!(1), &json!(null), vec!["..".into()])
    );
    let none = app.client.list("/events", &[("topic", "."), ("event_id", "unknown")]).await;
    assert_eq!(none.expect(200).json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamps_come_back_in_utc_to_the_microsecond() {
    let app = App::start().await;
    let cases = [
        ("2025-10-24T15:12:30Z", "2025-10-24T15:12:30Z"),
        ("2025-10-24T15:12:30", "2025-10-24T15:12:30Z"),
        ("2025-10-24T17:12:30+02:00", "2025-10-24T15:12:30Z"),
        ("2025-10-24T15:12:30.5Z", "2025-10-24T15:12:30.5Z"),
        ("2025-10-24T15:12:30.123456Z", "2025-10-24T15:12:30.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ];
    let batch: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(n, (sent, _))| {
            let mut event = event("t", n);
            event["timestamp"] = json!(sent);
            event
        })
        .collect();
    app.client.publish(&json!(batch)).await.expect(200);

    let list = app.client.get("/events?topic=t").await.expect(200).json();

    for (n, (sent, expected)) in cases.iter().enumerate() {
        let found = list[n]["timestamp"].as_str().unwrap();
        let same = |a: &str, b: &str| {
            let parse = |text| chrono::DateTime::parse_from_rfc3339(text).unwrap();
            parse(a) == parse(b) && a.ends_with('Z')
        };
        assert!(same(found, expected), "{sent} came back as {found}");
        if !sent.contains('.') {
            assert_eq!(found, *expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_payload_is_an_empty_object() {
    let app = App::start().await;
    let mut bare = event("orders", 1);
    bare.as_object_mut().unwrap().remove("payload");

    app.client.publish(&bare).await.expect(200);

    let stored = app.client.get("/events/orders/1").await.expect(200);
    assert_eq!(stored.get("payload"), json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_topic_is_an_empty_list() {
    let app = App::setup().consumers(0).start().await;

    let answer = app.client.get("/events?topic=nothing").await.expect(200);

    assert_eq!(answer.json(), json!([]));
    assert_eq!(next_link(&answer), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_limit_a_page_has_a_hundred() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..101))).await.expect(200);

    for path in ["/events", "/events?topic=orders"] {
        let answer = app.client.get(path).await.expect(200);
        assert_eq!(ids(&answer.json()).len(), 100);
        let rest = app.client.get(&next_link(&answer).unwrap()).await.expect(200);
        assert_eq!(ids(&rest.json()).len(), 1);
        assert_eq!(next_link(&rest), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_cover_every_event_exactly_once_in_order() {
    let app = App::start().await;
    let all: Vec<Value> = (0..200).map(|n| event(&format!("topic-{}", n % 5), n)).collect();
    for batch in all.chunks(40) {
        app.client.publish(&json!(batch)).await.expect(200);
    }

    let by_topic = pages(&app, "/events?topic=topic-3&limit=7").await;
    let everything = pages(&app, "/events?limit=30").await;

    assert!(by_topic.iter().rev().skip(1).all(|page| page.len() == 7));
    assert_eq!(by_topic.concat(), numbers((3..200).step_by(5)));
    assert!(everything.iter().rev().skip(1).all(|page| page.len() == 30));
    let (all, distinct) = (everything.concat(), everything.concat().into_iter().collect::<BTreeSet<_>>());
    assert_eq!((all.len(), distinct.len()), (200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_follows_the_pages_while_events_arrive_misses_none() {
    // Several writers commit in any order; a reader in the middle must skip nothing.
    let app = App::setup().consumers(2).set("ONCELOG_PARTITION_BY", "event").start().await;
    let client = app.client.clone();
    let publishing = tokio::spawn(async move {
        for batch in events("orders", 0..3000).chunks(50) {
            publish_until_kept(&client, batch).await;
        }
    });

    let first = "/events?topic=orders&limit=40&format=page";
    let (mut seen, mut page, mut settled) = (Vec::new(), first.to_owned(), false);
    loop {
        if !settled && publishing.is_finished() {
            assert_eq!(balanced(&app).await.stored, 3000);
            settled = true;
        }
        let answer = app.client.get(&page).await.expect(200).json();
        match answer["next_cursor"].as_str() {
            Some(cursor) => {
                seen.extend(ids(&answer["events"]));
                page = format!("{first}&cursor={cursor}");
            }
            None if settled => {
                seen.extend(ids(&answer["events"]));
                break;
            }
            // The end for now: this page is read again, with what has come since.
            None => pause().await,
        }
    }

    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (3000, 3000));
}

#[tokio::test(flavor = "multi_thread")]
async fn going_backwards_through_all_topics_while_events_arrive_repeats_and_misses_nothing_old() {
    let app = App::setup().consumers(2).start().await;
    let old: Vec<Value> = (0..300).map(|n| event(&format!("topic-{}", n % 5), n)).collect();
    app.client.publish(&json!(old)).await.expect(200);
    let client = app.client.clone();
    let publishing = tokio::spawn(async move {
        for n in 0..40 {
            publish_until_kept(&client, &[event(&format!("topic-{}", n % 5), 1000 + n)]).await;
        }
    });

    let seen = pages(&app, "/events?limit=20").await.concat();
    publishing.await.unwrap();

    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "none twice");
    let old = numbers(0..300);
    let missed: Vec<&String> = old.iter().filter(|id| !distinct.contains(id)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn format_page_wraps_the_list_with_count_and_cursor() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..5))).await.expect(200);

    let first = app.client.get("/events?topic=orders&limit=3&format=page").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = format!("/events?topic=orders&limit=3&format=page&cursor={cursor}");
    let last = app.client.get(&last).await.expect(200).json();

    assert_eq!((&first["topic"], &first["count"]), (&json!("orders"), &json!(3)));
    assert_eq!(ids(&first["events"]), numbers(0..3));
    assert_eq!((ids(&last["events"]), &last["next_cursor"]), (numbers(3..5), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_serves_only_the_list_that_gave_it() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..5))).await.expect(200);
    let answer = app.client.get("/events?topic=orders&limit=2&format=page").await.expect(200);
    let cursor = answer.get("next_cursor");
    let cursor = cursor.as_str().unwrap();

    for path in ["/events?topic=refunds", "/events?limit=2"] {
        let answer = app.client.get(&format!("{path}&cursor={cursor}")).await;
        answer.expect_problem(422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_gives_a_line_per_event() {
    let app = App::start().await;
    app.client.publish(&json!(events("orders", 0..25))).await.expect(200);

    let ndjson = ("accept", "application/x-ndjson");
    let answer = app.client.get_with("/events?topic=orders&limit=10000", ndjson).await.expect(200);

    assert!(answer.header("content-type").starts_with("application/x-ndjson"));
    let lines: Vec<Value> = answer.text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let list = app.client.get("/events?topic=orders").await.json();
    assert_eq!(json!(lines), list);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_at_4_mib_and_goes_on_by_its_cursor() {
    let app = App::start().await;
    for n in 0..12 {
        let large = event_with("orders", n, json!({ "text": format!("{n}").repeat(700_000 / (1 + n / 10)) }));
        app.client.publish(&large).await.expect(200);
    }

    for path in ["/events?topic=orders&limit=10000", "/events?limit=10000"] {
        let answer = app.client.get(path).await.expect(200);
        assert!(answer.text.len() < (4 << 20) + (1 << 20), "{} bytes", answer.text.len());
        let found: BTreeSet<String> = pages(&app, path).await.concat().into_iter().collect();
        assert_eq!(found.len(), 12);
    }
}
