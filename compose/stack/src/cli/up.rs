//! `stack up`, `down` and `reset`.

use anyhow::Result;
use stack::{Local, build_oncelog};

/// Starts what does not run yet, and says how to use it.
pub(crate) fn up() -> Result<()> {
    let local = Local::of_checkout()?;
    local.up(build_oncelog)?;
    welcome(&local);
    Ok(())
}

/// Ends everything; the data stay.
pub(crate) fn down() -> Result<()> {
    Local::of_checkout()?.down()?;
    println!("everything is down; the data stay (make reset deletes them)");
    Ok(())
}

/// Ends everything and deletes the data.
pub(crate) fn reset() -> Result<()> {
    Local::of_checkout()?.reset()?;
    println!("everything is down and the data are deleted");
    Ok(())
}

fn welcome(local: &Local) {
    let settings = local.settings();
    let url = settings.url();
    println!(
        r#"
oncelog is up
  api        {url}        (docs: {url}/docs)
  consumer   http://127.0.0.1:{consumer}/readyz
  broker     {brokers}   topic {topic}
  database   . .stack/env && psql "$DATABASE_URL"

publish an event:
  curl -s {url}/publish -H 'content-type: application/json' -d '{{"topic":"greetings","event_id":"1","timestamp":"2025-10-24T15:12:30Z","source":"me","payload":{{"hello":"world"}}}}'
and read it:
  curl -s '{url}/events?topic=greetings'; curl -s {url}/stats

next: make simulate · make ps · make logs · make down"#,
        consumer = settings.consumer,
        brokers = settings.brokers(),
        topic = settings.topic,
    );
}
