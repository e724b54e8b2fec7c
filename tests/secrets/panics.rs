//! Panics that are planted where secrets are at hand. Only a build with the feature `planted` has them.

use std::process::ExitStatus;

use serde_json::Value;

use super::{SECRET, assert_hidden, property, role_with_the_secret};
use crate::support::app::App;
use crate::support::client::ASYNC;
use crate::support::{event, events, until};

const VARIABLE: &str = "ONCELOG_PLANTED_PANIC";
/// Above it a body is read on another thread.
const LARGE: usize = 3000;

/// Every process has every secret, and shows what it can.
async fn app() -> App {
    let mut app = App::setup().consumers(0).prepare().await;
    let url = role_with_the_secret(&app).await;
    app.set("DATABASE_URL", url);
    app.set("DATABASE_PASSWORD", SECRET);
    app.set("KAFKA_PROPERTIES", property("sasl.password"));
    app.set("LOG_FORMAT", "json");
    app.set("RUST_BACKTRACE", "1");
    app
}

/// The line of the log that says it, and the only one.
#[track_caller]
fn line(printed: &str) -> Value {
    assert_hidden("a panic", printed);
    let lines: Vec<&str> = printed.lines().filter(|line| line.contains("panicked at")).collect();
    assert_eq!(lines.len(), 1, "{printed}");
    let line: Value = serde_json::from_str(lines[0]).unwrap_or_else(|error| panic!("{error}: {}", lines[0]));
    assert_eq!(line["level"], "ERROR");
    assert!(line["backtrace"].as_str().is_some_and(|backtrace| backtrace.contains("panic")), "{line}");
    line
}

#[track_caller]
fn assert_ended(what: &str, status: ExitStatus, printed: &str) {
    assert_eq!(status.code(), Some(101), "{what}: {status}");
    let said = line(printed)["message"].to_string();
    for words in ["panicked at services/", "planted, with", "the process ends here; start it again", "please report"] {
        assert!(said.contains(words), "{what} does not say {words:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_any_thread_or_task_ends_the_process_with_an_error_that_shows_no_secret() {
    let mut app = app().await;
    for (place, command) in [
        ("main", "api"),
        ("main", "serve"),
        ("watch", "api"),
        ("log-client", "api"),
        ("log-client", "consumer"),
        ("poll", "consumer"),
        ("writer", "consumer"),
        ("writer", "serve"),
    ] {
        app.set(VARIABLE, place);
        let (status, printed) = app.run(command);
        assert_ended(&format!("{command} with {place}"), status, &printed);
    }

    app.set(VARIABLE, "report");
    app.spawn_api();
    let (client, api) = (&app.client, app.api());
    until("a delivery report has ended the api", async || {
        // Refused at first, and cut off in the end.
        let _ = client.try_publish(&event("orders", 1), ASYNC).await;
        !api.is_running()
    })
    .await;
    assert_ended("a delivery report", api.exit_status().unwrap(), &api.log_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_said_whatever_is_logged() {
    let mut app = app().await;
    app.set(VARIABLE, "main");
    app.set("LOG_LEVEL", "off");

    let (status, printed) = app.run("api");

    assert_eq!(status.code(), Some(101), "{printed}");
    assert!(printed.contains("error: thread 'main' panicked at services/"), "{printed}");
    assert_hidden("a panic", &printed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_one_request_is_answered_with_500_and_costs_nobody_else_anything() {
    for (place, body) in
        [("handler", event("orders", 1)), ("body", event("orders", 1)), ("body", events("orders", 0..LARGE).into())]
    {
        let mut app = app().await;
        app.set(VARIABLE, place);
        app.start_api().await;

        let answer = app.client.publish(&body).await.expect_problem(500);

        assert_hidden("an answer", &answer.text);
        app.client.get("/readyz").await.expect(200);
        assert_hidden("/metrics", &app.client.get("/metrics").await.expect(200).text);
        let said = line(&app.printed("api"));
        let words = said["message"].as_str().unwrap();
        assert!(words.contains("planted, with") && words.contains("is answered with 500"), "{said}");
        app.stop_api();
    }
}
