//! Positions that can't be: a record that was just acknowledged lies below what was stored before it.
//!
//! Either the topic was created again, which the api learns a few seconds late, or the log has lost its end and
//! was filled anew. So the broker is asked once more which log it is. If it is the same one, the consumer is told
//! where to read again, by `progress.suspected_offset`; what the log is then, it finds out itself. No request
//! waits for any of this.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reminder::Reminder;
use store::LogId;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::planted;
use crate::upstream::log_watch::LogWatch;

/// Between two rounds: so often is a partition's progress written at most.
const EVERY: Duration = Duration::from_secs(5);

/// What is suspected, until it is told. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspicions {
    lowest: Arc<Mutex<Lowest>>,
    news: Arc<Notify>,
}

/// The lowest position in each partition of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lowest {
    log_id: LogId,
    offsets: BTreeMap<i32, i64>,
}

impl Suspicions {
    /// Suspects the log because of these positions, if there are any.
    pub(crate) fn note(&self, log_id: LogId, positions: impl Iterator<Item = (i32, i64)>) {
        let mut positions = positions.peekable();
        if positions.peek().is_some() {
            self.lock().note(log_id, positions);
            self.news.notify_one();
        }
    }

    fn take(&self) -> Lowest {
        std::mem::take(&mut *self.lock())
    }

    // Poisoned it is still one: each change to it is one call.
    fn lock(&self) -> MutexGuard<'_, Lowest> {
        self.lowest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lowest {
    /// Of a log that is over nothing is worth telling any more; the newest has the highest id.
    fn note(&mut self, log_id: LogId, positions: impl Iterator<Item = (i32, i64)>) {
        if log_id < self.log_id {
            return;
        }
        if log_id > self.log_id {
            *self = Lowest { log_id, offsets: BTreeMap::new() };
        }
        for (partition, offset) in positions {
            let lowest = self.offsets.entry(partition).or_insert(offset);
            *lowest = offset.min(*lowest);
        }
    }
}

/// Tells the consumer, for ever.
pub(crate) async fn tell(suspicions: Suspicions, watch: LogWatch) {
    let mut told = Reminder::new();
    loop {
        suspicions.news.notified().await;
        let lowest = suspicions.take();
        if !planted::suspicions_are_kept_back() && !tell_once(&lowest, &watch, &mut told).await {
            suspicions.note(lowest.log_id, lowest.offsets.into_iter());
        }
        sleep(EVERY).await;
    }
}

/// Whether that is done with: told, or of a log that is over.
async fn tell_once(lowest: &Lowest, watch: &LogWatch, told: &mut Reminder) -> bool {
    let log_id = match watch.newest_log().await {
        Ok(log_id) => log_id,
        Err(error) => {
            tracing::debug!(%error, "it can't be found out whether the log is the same");
            return false;
        }
    };
    if log_id != lowest.log_id {
        return true;
    }
    for (&partition, &offset) in &lowest.offsets {
        const SAID: &str = "a record that was just acknowledged lies below what was stored before it: the log may \
                            have lost its end; the consumer is told to read again from there";
        if told.fails(SAID, Instant::now()).is_some() {
            tracing::warn!(partition, offset, "{SAID}");
        }
        if let Err(error) = watch.store.suspect(log_id, partition, offset).await {
            let said = format!("the consumer can't be told to read again from there: {error}");
            if told.fails(&said, Instant::now()).is_some() {
                tracing::warn!(partition, offset, "{said}");
            }
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_partition_the_lowest_position_is_kept_until_it_is_taken() {
        let suspicions = Suspicions::default();
        suspicions.note(1, [(0, 7), (2, 9), (0, 5)].into_iter());
        suspicions.note(1, [(0, 6), (1, 3)].into_iter());

        let taken = suspicions.take();

        assert_eq!(taken, Lowest { log_id: 1, offsets: BTreeMap::from([(0, 5), (1, 3), (2, 9)]) });
        assert!(suspicions.take().offsets.is_empty());
    }

    #[test]
    fn of_a_log_that_is_over_nothing_is_kept() {
        let mut lowest = Lowest::default();
        lowest.note(1, [(0, 7)].into_iter());
        lowest.note(2, [(1, 3)].into_iter());
        lowest.note(1, [(0, 5)].into_iter());
        assert_eq!(lowest, Lowest { log_id: 2, offsets: BTreeMap::from([(1, 3)]) });
    }
}
