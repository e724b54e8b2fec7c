//! Publishers that repeat what was not acknowledged, as at-least-once publishers do.

use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::client::{ASYNC, Answer, Client};

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(30);
/// Only ever reached by a test that fails.
const GIVE_UP: Duration = Duration::from_mins(2);

/// Publishes these events in one request until it is acknowledged. Gives the number of tries.
pub(crate) async fn publish_until_kept(client: &Client, batch: &[Value]) -> usize {
    publish_until_answered(client, batch, ASYNC).await.0
}

/// As [`publish_until_kept`], with this preference. Gives the answer, too.
pub(crate) async fn publish_until_answered(client: &Client, batch: &[Value], prefer: (&str, &str)) -> (usize, Answer) {
    let body = json!(batch);
    let deadline = Instant::now() + GIVE_UP;
    let mut tries = 0;
    while Instant::now() < deadline {
        tries += 1;
        // A publisher does not wait for ever for a server that may be dead.
        match timeout(PATIENCE, client.try_publish(&body, prefer)).await {
            Ok(Ok(answer)) if answer.status < 300 => return (tries, answer),
            Ok(Ok(answer)) => assert!([429, 503].contains(&answer.status), "{}", answer.text),
            // Refused, cut off or silent: unknown, so it is repeated.
            Ok(Err(_)) | Err(_) => {}
        }
        sleep(PAUSE).await;
    }
    panic!("a publisher was not acknowledged in {tries} tries");
}

/// Publishes all events in batches of `size`, four at a time, each until it is acknowledged.
pub(crate) async fn publish_all(client: &Client, events: &[Value], size: usize) {
    let batches: Vec<Vec<Value>> = events.chunks(size).map(<[Value]>::to_vec).collect();
    stream::iter(batches)
        .for_each_concurrent(4, |batch| {
            let client = client.clone();
            async move {
                publish_until_kept(&client, &batch).await;
            }
        })
        .await;
}

/// `unique` events, and repeats of them until `total` is reached: each repeat some way behind its
/// original, as a publisher that lost an answer sends it. The same on every run.
pub(crate) fn with_repeats(unique: &[Value], total: usize) -> Vec<Value> {
    let repeats = total - unique.len();
    let every = unique.len().div_ceil(repeats.max(1)).max(1);
    let mut all: Vec<Value> = Vec::with_capacity(total);
    let mut left = repeats;
    for (index, event) in unique.iter().enumerate() {
        all.push(event.clone());
        if index % every == every - 1 && left > 0 {
            // A multiplier without a common factor spreads the choice over what was sent before.
            all.push(unique[(index * 7919) % (index + 1)].clone());
            left -= 1;
        }
    }
    all.extend(unique.iter().cycle().take(left).cloned());
    all
}
