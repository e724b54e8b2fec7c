//! An outage is said in the other side's own words, once, by api and consumer alike; so is its end.

use serde_json::Value;

use crate::support::events::unique;
use crate::support::faults::Faults;
use crate::support::{App, until};

/// How often each process has to try again before it counts as having repeated itself.
const TRIES: usize = 3;
/// After so many seconds it may be repeated.
const REMINDED_AFTER: u64 = 60;

/// Lines of this level that have these words.
fn lines(app: &App, process: &str, level: &str, words: &str) -> Vec<String> {
    let printed = app.printed(process);
    let ours = printed.lines().filter(|line| !line.contains("librdkafka"));
    ours.filter(|line| line.contains(&format!(" {level} ")) && line.contains(words)).map(str::to_owned).collect()
}

/// Those that are no reminder of what has lasted for a minute.
fn said(app: &App, process: &str, level: &str, words: &str) -> Vec<String> {
    let for_s = |line: &str| line.split_once("for_s=")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    let is_first = |line: &String| for_s(line).is_none_or(|for_s: u64| for_s < REMINDED_AFTER);
    lines(app, process, level, words).into_iter().filter(is_first).collect()
}

/// What `/readyz` of both says.
async fn readyz(app: &App) -> [Value; 2] {
    let consumer = app.consumer_client(0);
    let answers = (app.client.try_get("/readyz").await, consumer.try_get("/readyz").await);
    let json = |answer: Result<crate::support::client::Answer, _>| answer.map_or(Value::Null, |answer| answer.json());
    [json(answers.0), json(answers.1)]
}

/// Waits until both say it, and have tried again and again; then each has said it once.
async fn said_once(app: &App, (part, level): (&str, &str), words: &str) {
    until("both say why", async || {
        let said = readyz(app).await;
        said.iter().all(|ready| {
            let detail = ready["detail"].as_str().unwrap_or_default();
            ready["details"][part].as_str().unwrap_or_default().contains(words) && !detail.is_empty()
        })
    })
    .await;
    for process in ["api", "consumer"] {
        until("it has tried again", async || lines(app, process, "DEBUG", words).len() >= TRIES).await;
        let told = ["WARN", "ERROR"].map(|level| (level, said(app, process, level, words)));
        for (with, told) in told {
            assert_eq!(told.len(), usize::from(with == level), "{process}: {told:?}");
        }
    }
}

async fn mended(app: &App, end: [&str; 2]) {
    until("nothing is wrong", async || {
        readyz(app).await.iter().all(|ready| ready["status"] == "ready" && ready.get("details").is_none())
    })
    .await;
    for (process, words) in ["api", "consumer"].into_iter().zip(end) {
        until("it says so", async || lines(app, process, "INFO", words).len() == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_once_in_postgresqls_words() {
    let role = unique("role");
    let mut app = App::setup().set("LOG_LEVEL", "info,api=debug,consumer=debug").prepare().await;
    app.set("DATABASE_URL", app.database.url_as(&role, "secret"));
    app.spawn_api();
    app.spawn_consumer();

    said_once(&app, ("database", "WARN"), &format!("password authentication failed for user \"{role}\"")).await;
    let [api, consumer] = readyz(&app).await;
    assert_eq!((&api["status"], &api["database"]), (&"not ready".into(), &"not yet".into()));
    assert_eq!((&consumer["broker"], &consumer["database"]), (&"up".into(), &"not yet".into()));

    app.database.execute(&format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'secret'")).await;
    mended(&app, ["the database answers again", "storing goes on"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_is_said_once_with_the_reason() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).set("LOG_LEVEL", "info,api=debug,consumer=debug").start().await;

    faults.kill_broker();
    said_once(&app, ("broker", "WARN"), "Connection refused").await;
    let [api, consumer] = readyz(&app).await;
    assert_eq!((&api["status"], &api["broker"]), (&"not ready".into(), &"down".into()));
    assert_eq!((&consumer["status"], &consumer["broker"]), (&"ready".into(), &"down".into()));

    faults.start_broker();
    mended(&app, ["the broker answers again", "the broker can be used again"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_gone_is_said_once_and_leaves_the_broker_up() {
    let app = App::setup().set("LOG_LEVEL", "info,api=debug,consumer=debug").start().await;

    app.log.delete().await;
    said_once(&app, ("topic", "ERROR"), "there is no Kafka topic").await;
    for ready in readyz(&app).await {
        assert_eq!((&ready["broker"], ready["details"].get("broker")), (&"up".into(), None), "{ready}");
    }

    app.log.create(&[("max.message.bytes", "2097152")]).await;
    mended(&app, ["the Kafka topic can be used again"; 2]).await;
}
