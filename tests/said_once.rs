//! An outage is said in the other side's own words, once, by api and consumer alike; so is its end.

use serde_json::Value;

use crate::support::events::unique;
use crate::support::faults::Faults;
use crate::support::{App, until};

/// How often each process has to try again before it counts as having repeated itself.
const TRIES: usize = 6;

/// Lines of this level that have these words.
fn lines(app: &App, process: &str, level: &str, words: &str) -> usize {
    let printed = app.printed(process);
    let ours = printed.lines().filter(|line| !line.contains("librdkafka"));
    ours.filter(|line| line.contains(&format!(" {level} ")) && line.contains(words)).count()
}

/// What `/readyz` of both says.
async fn readyz(app: &App) -> [Value; 2] {
    let consumer = app.consumer_client(0);
    let answers = (app.client.try_get("/readyz").await, consumer.try_get("/readyz").await);
    let json = |answer: Result<crate::support::client::Answer, _>| answer.map_or(Value::Null, |answer| answer.json());
    [json(answers.0), json(answers.1)]
}

/// Waits until both say it, and have tried again and again; then each has said it once.
async fn said_once(app: &App, part: &str, words: &str) {
    until("both say why", async || {
        let said = readyz(app).await;
        said.iter().all(|ready| {
            let detail = ready["detail"].as_str().unwrap_or_default();
            ready["details"][part].as_str().unwrap_or_default().contains(words) && !detail.is_empty()
        })
    })
    .await;
    for process in ["api", "consumer"] {
        until("it has tried again", async || lines(app, process, "DEBUG", words) >= TRIES).await;
        let (warned, alarmed) = (lines(app, process, "WARN", words), lines(app, process, "ERROR", words));
        assert_eq!((warned, alarmed), (1, 0), "{process}");
    }
}

async fn mended(app: &App, end: [&str; 2]) {
    until("nothing is wrong", async || {
        readyz(app).await.iter().all(|ready| ready["status"] == "ready" && ready.get("details").is_none())
    })
    .await;
    for (process, words) in ["api", "consumer"].into_iter().zip(end) {
        until("it says so", async || lines(app, process, "INFO", words) == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_once_in_postgresqls_words() {
    let role = unique("role");
    let mut app = App::setup().set("LOG_LEVEL", "info,api=debug,consumer=debug").prepare().await;
    let (_, address) = app.database.url.split_once('@').unwrap();
    app.set("DATABASE_URL", format!("postgres://{role}:secret@{address}"));
    app.spawn_api();
    app.spawn_consumer();

    said_once(&app, "database", &format!("password authentication failed for user \"{role}\"")).await;
    let [api, consumer] = readyz(&app).await;
    assert_eq!((&api["status"], &api["database"]), (&"not ready".into(), &"not yet".into()));
    assert_eq!((&consumer["broker"], &consumer["database"]), (&"up".into(), &"down".into()));

    app.database.execute(&format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'secret'")).await;
    mended(&app, ["the database answers again", "storing goes on"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_is_said_once_with_the_reason() {
    let faults = Faults::take().await;
    let app = App::setup().on(&faults).set("LOG_LEVEL", "info,api=debug,consumer=debug").start().await;

    faults.kill_broker();
    said_once(&app, "broker", "Connection refused").await;
    let [api, consumer] = readyz(&app).await;
    assert_eq!((&api["status"], &api["broker"]), (&"not ready".into(), &"down".into()));
    assert_eq!((&consumer["status"], &consumer["broker"]), (&"ready".into(), &"down".into()));

    faults.start_broker();
    mended(&app, ["the broker answers again", "the broker can be used again"]).await;
}
