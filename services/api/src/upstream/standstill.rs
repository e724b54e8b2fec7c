//! Which partitions stand still although the log holds more of them, as far as it can be seen from where the log
//! ends and how far it is stored; and where transactions of other producers are open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use broker::LogClient;
use broker::stall::{Cause, PartitionEnd, Position, Stall, StallWatch};
use reminder::Reminder;
use store::Store;
use tokio::time::sleep;

use crate::upstream::status::{Reach, StatusBoard, fails, tell_end};

/// A transaction that is open at two looks has been open for so long.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks again and again.
pub(crate) struct StandstillWatch {
    client: LogClient,
    store: Store,
    board: StatusBoard,
    watch: StallWatch,
    named: Named,
    /// Where the first open transaction of each partition began at the last look.
    open: BTreeMap<i32, i64>,
    told: Mutex<Reminder>,
}

impl StandstillWatch {
    pub(crate) fn new((client, store): (LogClient, Store), board: StatusBoard, after: Duration) -> Self {
        StandstillWatch {
            client,
            store,
            board,
            watch: StallWatch::new(after),
            named: Named { after, ..Named::default() },
            open: BTreeMap::new(),
            told: Mutex::default(),
        }
    }

    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            sleep(LOOK_EVERY).await;
            match self.client.each_end().await {
                Ok(ends) => {
                    self.transactions(&ends);
                    self.look(&ends).await;
                }
                Err(error) => {
                    self.transactions(&[]);
                    self.watch.could_not_look();
                    tracing::debug!(%error, "it can't be told whether partitions stand still");
                }
            }
        }
    }

    /// Most are over in a moment: only those that were open at the last look are worth a word.
    fn transactions(&mut self, ends: &[PartitionEnd]) {
        let ends = ends.iter().filter_map(|(partition, end)| Some((*partition, end.as_ref().ok()?)));
        let open: BTreeMap<i32, i64> =
            ends.filter(|(_, end)| end.stable < end.high).map(|(partition, end)| (partition, end.stable)).collect();
        let last = |partition: &i32, begin: &i64| self.open.get(partition) == Some(begin);
        let lasting = open.iter().filter(|(partition, begin)| last(partition, begin));
        let lasting = Arc::new(lasting.map(|(&partition, &begin)| (partition, begin)).collect());
        self.board.note(|upstream| upstream.open_transactions = lasting);
        self.open = open;
    }

    async fn look(&mut self, ends: &[PartitionEnd]) {
        let (log, database, is_read) = {
            let upstream = self.board.now();
            (upstream.log, upstream.database, upstream.consumer_running())
        };
        let (Some(log), Reach::Up) = (log, database) else { return };
        let Ok(next_offsets) = self.store.next_offsets(log).await else { return };
        let now = Instant::now();
        self.named.moved(&next_offsets, now);
        let position = |(partition, offset)| Position { partition, offset, at: now, failure: None };
        let stalls = self.watch.look(now, ends, next_offsets.into_iter().map(position));
        let stalls = self.named.of(stalls, is_read, now);
        let said = self.client.explain_all(&stalls);
        if let Some(first) = said.first() {
            // The consumer says more, and again and again.
            if let Some(for_s) = fails(&self.told, "a partition stands still") {
                tracing::warn!(for_s, partitions = stalls.len(), "{first}");
            }
        } else {
            tell_end(&self.told, "no partition stands still any more", None);
        }
        self.board.note(|upstream| upstream.stalled = said.into());
    }
}

/// Which of those that are not stored on are worth a word: pure. Without a consumer, or while nothing is stored at
/// all, it is not the partition that stands still.
#[derive(Debug, Default)]
struct Named {
    after: Duration,
    next_offsets: BTreeMap<i32, i64>,
    /// When any partition was last seen to have moved.
    moved: Option<Instant>,
    partitions: BTreeSet<(i32, Instant)>,
}

impl Named {
    fn moved(&mut self, next_offsets: &[(i32, i64)], now: Instant) {
        let next_offsets: BTreeMap<i32, i64> = next_offsets.iter().copied().collect();
        if next_offsets != self.next_offsets {
            (self.next_offsets, self.moved) = (next_offsets, Some(now));
        }
    }

    /// Those behind an open transaction; others, if they are read while others move. Once named, one is until it
    /// goes on.
    fn of(&mut self, mut stalls: Vec<Stall>, is_read: bool, now: Instant) -> Vec<Stall> {
        let others_move = self.moved.is_some_and(|moved| now.saturating_duration_since(moved) < self.after / 2);
        stalls.retain(|stall| match stall.cause {
            Cause::OpenTransaction { .. } | Cause::NoLeader(_) => true,
            Cause::Failed(_) | Cause::Unknown | Cause::NotStored => {
                (is_read && others_move) || self.partitions.contains(&(stall.partition, stall.since))
            }
        });
        self.partitions = stalls.iter().map(|stall| (stall.partition, stall.since)).collect();
        // It is not read from here: what keeps it is not known.
        let unread = stalls.iter_mut().filter(|stall| stall.cause == Cause::Unknown);
        unread.for_each(|stall| stall.cause = Cause::NotStored);
        stalls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(30);

    fn stall(cause: Cause, since: Instant) -> Stall {
        Stall { partition: 3, offset: 7, since, cause }
    }

    #[test]
    fn a_partition_that_is_not_stored_on_is_named_while_others_are_and_from_then_on() {
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let mut named = Named { after: AFTER, ..Named::default() };
        named.moved(&[(2, 9), (3, 7)], begun);
        let mut at = |now, is_read| named.of(vec![stall(Cause::Unknown, begun)], is_read, now).len();
        assert_eq!(at(begun + 31 * second, true), 0, "nothing at all was stored meanwhile");
        named.moved(&[(2, 10), (3, 7)], begun + 32 * second);
        let mut at = |now, is_read| named.of(vec![stall(Cause::Unknown, begun)], is_read, now).len();
        assert_eq!(at(begun + 34 * second, false), 0, "nobody reads");
        assert_eq!(at(begun + 36 * second, true), 1);
        assert_eq!(at(begun + 99 * second, false), 1);
        assert_eq!(named.of(Vec::new(), true, begun + 100 * second), []);
        assert_eq!(named.of(vec![stall(Cause::Unknown, begun)], true, begun + 101 * second), [], "that was over");
    }

    #[test]
    fn an_open_transaction_needs_no_others_that_move() {
        let (now, mut named) = (Instant::now(), Named { after: AFTER, ..Named::default() });
        assert_eq!(named.of(vec![stall(Cause::OpenTransaction { behind: 2 }, now)], false, now).len(), 1);
    }
}
