//! What `/metrics` shows: names, types, help, and labels.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::support::wait::eventually;
use crate::support::{App, event, event_with};

/// The labels of which all values are shown: they are the same in every process.
const FIXED: [&str; 3] = ["outcome", "le", "limit"];

/// What is exposed, without numbers and without the values of labels that differ from process to process.
fn outline(exposition: &str) -> String {
    let mut families: BTreeMap<String, (Vec<String>, BTreeSet<String>)> = BTreeMap::new();
    let mut family = String::new();
    for line in exposition.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            comment.split(' ').nth(1).unwrap().clone_into(&mut family);
            families.entry(family.clone()).or_default().0.push(line.to_owned());
        } else {
            assert!(line.starts_with(&family), "{line} after {family}");
            families.get_mut(&family).unwrap().1.insert(series(line));
        }
    }
    let lines = families.into_values().map(|(comments, series)| {
        let lines: Vec<String> = comments.into_iter().chain(series).collect();
        lines.join("\n")
    });
    lines.collect::<Vec<_>>().join("\n\n")
}

/// A line's name and labels.
fn series(line: &str) -> String {
    let Some((name, labels)) = line.split_once('{') else {
        return line.split(' ').next().unwrap().to_owned();
    };
    let (labels, _) = labels.rsplit_once('}').unwrap();
    let label = |label: &str| {
        let (name, _) = label.split_once('=').unwrap();
        if FIXED.contains(&name) { label.to_owned() } else { name.to_owned() }
    };
    // No value that is shown here has a comma in it.
    let labels: Vec<String> = labels.split(',').map(label).collect();
    format!("{name}{{{}}}", labels.join(","))
}

fn assert_as_reviewed(name: &str, exposition: &str) {
    insta::with_settings!({
        snapshot_path => "snapshots/metrics",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, outline(exposition));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_as_reviewed() {
    let app = App::start().await;
    app.client.publish(&event("orders", 1)).await.expect(200);
    app.client.publish(&event_with("orders", 1, json!({ "another": "payload" }))).await.expect(200);
    app.client.get("/health").await.expect(200);

    // The last that is counted, after the api may know already; and what is looked at every few seconds.
    let consumer = eventually("the consumer has counted", async || {
        let metrics = app.consumer_client(0).get("/metrics").await.expect(200).text;
        (metrics.contains("dead_letter") && metrics.contains("partition_stalled")).then_some(metrics)
    })
    .await;
    assert_as_reviewed("consumer", &consumer);
    assert_as_reviewed("api", &app.client.get("/metrics").await.expect(200).text);
}
