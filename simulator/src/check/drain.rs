//! Waiting until everything that was acknowledged has been stored.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::CheckError;
use super::read::{own_topics, patiently};
use crate::model::History;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::server::Server;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// With other publishers about, `pending` may never be 0: this often, in looks,
/// the run's own topics are counted instead.
const COUNT_EVERY: u32 = 20;

/// Waits until no record is pending, or else until the run's own records are all
/// counted.
pub async fn wait_until_drained(
    server: &Server,
    plan: &Plan,
    history: &History,
    within: Duration,
    progress: &Progress,
) -> Result<(), CheckError> {
    let begun = Instant::now();
    for look in 1.. {
        let pending = patiently(|| server.stats()).await?.pending;
        let drained = pending == Some(0)
            || (look % COUNT_EVERY == 0 && all_counted(server, plan, history).await?);
        if drained {
            break;
        }
        let pending = pending.map_or_else(
            || "an unknown number of".to_owned(),
            |pending| pending.to_string(),
        );
        progress.say(&format!("waiting for {pending} pending records"));
        if begun.elapsed() >= within {
            return Err(CheckError::NotDrained { within, pending });
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Whether as many records are counted as there can be at most.
async fn all_counted(server: &Server, plan: &Plan, history: &History) -> Result<bool, CheckError> {
    let most: u64 = plan
        .requests
        .iter()
        .zip(&history.requests)
        .map(|(request, sent)| sent.times_in_log().1 * request.content.events().len() as u64)
        .sum();
    let own = own_topics(server, plan).await?;
    let counted: u64 = own
        .values()
        .map(|count| count.stored + count.duplicates + count.conflicts)
        .sum();
    Ok(counted >= most)
}
