//! Waiting until everything that was acknowledged has been stored.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::read::patiently;
use super::{Before, CheckError, Reader};
use crate::model::History;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// With other publishers about, `pending` may never be 0: this often, in looks,
/// the run's own topics are counted instead.
const COUNT_EVERY: u32 = 20;

impl Reader<'_> {
    /// Waits until the server knows of all the records and none of them is pending,
    /// or else until the run's own records are all counted.
    pub async fn drained(&self, before: &Before, history: &History, within: Duration) -> Result<(), CheckError> {
        let begun = Instant::now();
        let (fewest, most) = history.records(self.plan);
        for look in 1.. {
            let stats = patiently(|| self.server.stats()).await?;
            let known = stats.received - before.stats.received >= fewest as i64;
            let none_pending = known && !stats.stale && stats.pending == Some(0);
            if none_pending || look % COUNT_EVERY == 0 && self.counted().await? >= most {
                break;
            }
            let pending =
                stats.pending.map_or_else(|| "an unknown number of".to_owned(), |pending| pending.to_string());
            self.progress.say(&format!("waiting for {pending} pending records"));
            if begun.elapsed() >= within {
                return Err(CheckError::NotDrained { within, pending });
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Records of the run's topics that are counted.
    async fn counted(&self) -> Result<u64, CheckError> {
        let (own, _) = self.topics(usize::MAX).await?;
        Ok(own.values().map(|count| count.stored + count.duplicates + count.conflicts).sum())
    }
}
