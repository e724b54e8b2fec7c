//! `stack up`, `down` and `reset`.

use anyhow::Result;
use stack::{Composed, Kind, Local, Settings, build_oncelog, choice, wait_healthy};

/// Starts what does not run yet, and says how to use it.
pub(crate) fn up() -> Result<()> {
    let backend = choice::choose()?;
    stack::say!("stack: {backend}");
    choice::record(backend.kind)?;
    match backend.kind {
        Kind::Native => {
            let local = Local::of_checkout()?;
            local.up(build_oncelog)?;
            welcome(local.settings(), backend.kind);
        }
        Kind::Containers => {
            let composed = Composed::of_checkout()?;
            composed.up()?;
            welcome(composed.settings(), backend.kind);
        }
    }
    Ok(())
}

/// Ends everything; the data stay.
pub(crate) fn down() -> Result<()> {
    match choice::recorded() {
        Some(Kind::Containers) => Composed::to_end().down()?,
        _ => Local::to_end().down()?,
    }
    stack::say!("everything is down; the data stay (make reset deletes them)");
    Ok(())
}

/// Ends everything and deletes the data.
pub(crate) fn reset() -> Result<()> {
    if choice::recorded() == Some(Kind::Containers) {
        Composed::to_end().reset()?;
    }
    Local::to_end().reset()?;
    choice::forget();
    stack::say!("everything is down and the data are deleted");
    Ok(())
}

fn welcome(settings: &Settings, kind: Kind) {
    if !wait_healthy(settings.api) {
        stack::say!("note: events are taken, but nobody stores them yet; `make logs` may tell why");
    }
    let url = settings.url();
    let consumer = match kind {
        Kind::Native => format!("http://127.0.0.1:{}/readyz", settings.consumer),
        Kind::Containers => "in its container, without a port outside".to_owned(),
    };
    let database = if stack::has("psql") {
        r#". .stack/env && psql "$DATABASE_URL""#
    } else {
        "DATABASE_URL in .stack/env        (psql is in Debian's package postgresql-client)"
    };
    stack::say!(
        r#"
oncelog is up
  api        {url}        (docs: {url}/docs)
  consumer   {consumer}
  broker     {brokers}   topic {topic}
  database   {database}

publish an event:
  curl -s {url}/publish -H 'content-type: application/json' -d '{{"topic":"greetings","event_id":"1","timestamp":"2025-10-24T15:12:30Z","source":"me","payload":{{"hello":"world"}}}}'
and read it:
  curl -s '{url}/events?topic=greetings'; curl -s {url}/stats

next: make simulate · make ps · make logs · make down"#,
        brokers = settings.brokers(),
        topic = settings.topic,
    );
}
