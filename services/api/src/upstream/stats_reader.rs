//! What came and what became of it, read once for all who ask: from the log's ends, and from the database.
//!
//! Totals come from `progress`, which has a row per partition; names of event topics are read apart, as far as
//! they are told. Only how many there are takes a look at each: where that is more than are told, it is counted
//! once in a while, apart from whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use store::counts::MAX_TOPIC_NAMES;
use store::{Store, StoreError};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::upstream::reading::{READ_TIMEOUT, Unread, in_time, note_failure};
use crate::upstream::shared_read::SharedRead;
use crate::upstream::status::{Reach, StatusBoard};
use crate::upstream::totals::StatsTotals;
use crate::upstream::watermarks::{Reading, WatermarkReader};

/// How old a count of topics may be.
const TOPIC_COUNT_AGE: Duration = Duration::from_mins(5);

/// What broker and database say together.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) totals: StatsTotals,
    /// Whether the broker did not answer in time.
    pub(crate) stale: bool,
}

/// The event topics.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    /// In byte order, the first [`MAX_TOPIC_NAMES`] of them.
    pub(crate) names: Arc<[String]>,
    /// How many there are; where that is more than are named, a moment ago.
    pub(crate) count: i64,
}

/// Asks for counters and topics.
#[derive(Debug)]
pub(crate) struct StatsReader {
    counted: SharedRead<Result<Counted, Unread>>,
    topics: SharedRead<Result<Topics, Unread>>,
    last_pending: Arc<AtomicI64>,
}

impl StatsReader {
    /// The reader, and the task that serves it; the task ends when the reader is dropped.
    pub(crate) fn new(
        store: Store,
        watermarks: WatermarkReader,
        board: StatusBoard,
    ) -> (StatsReader, impl Future<Output = ()>) {
        let last_pending = Arc::<AtomicI64>::default();
        let source =
            Arc::new(Source { store: store.clone(), watermarks, board, last_pending: Arc::clone(&last_pending) });
        let (counted, serve_counted) = SharedRead::new(move || {
            let source = Arc::clone(&source);
            async move { Some(source.count().await) }
        });
        let census = Arc::new(TopicCensus::new(store));
        let (topics, serve_topics) = SharedRead::new(move || {
            let census = Arc::clone(&census);
            async move { Some(in_time(census.topics()).await) }
        });
        let serve = async {
            tokio::join!(serve_counted, serve_topics);
        };
        (StatsReader { counted, topics, last_pending }, serve)
    }

    /// The counters, of a moment after this call began.
    pub(crate) async fn counted(&self) -> Result<Counted, Unread> {
        at_last(self.counted.ask()).await
    }

    /// The event topics, of a moment after this call began.
    pub(crate) async fn topics(&self) -> Result<Topics, Unread> {
        at_last(self.topics.ask()).await
    }

    /// Pending records when broker and database last told.
    pub(crate) fn last_pending(&self) -> i64 {
        self.last_pending.load(Ordering::Relaxed)
    }
}

async fn at_last<T>(asked: impl Future<Output = Option<Result<T, Unread>>>) -> Result<T, Unread> {
    timeout(READ_TIMEOUT, asked).await.ok().flatten().unwrap_or(Err(Unread::Database))
}

struct Source {
    store: Store,
    watermarks: WatermarkReader,
    board: StatusBoard,
    last_pending: Arc<AtomicI64>,
}

impl Source {
    /// Reads the log's ends, then the counters: in this order, or a record could be missed by both.
    async fn count(&self) -> Result<Counted, Unread> {
        let (broker, log) = {
            let upstream = self.board.now();
            (upstream.broker, upstream.log)
        };
        let reading = match broker {
            Reach::Up | Reach::Never => self.watermarks.read().await,
            // Its answer would only be waited for in vain.
            Reach::Down => self.watermarks.last_known(),
        };
        let (marks, stale) = match reading {
            Reading::Fresh(marks) => (marks, false),
            Reading::Stale(Some(marks)) => (marks, true),
            // "Nothing pending" would be a guess, and `received` would fall behind what was said before
            // this process started. Beside the progress of another topic, what is stored would be pending, too.
            Reading::Stale(None) | Reading::Another => return Err(Unread::LogEnd),
        };
        // Without its incarnation, nothing of it would count as stored, and all of it as pending.
        let log = log.ok_or(Unread::LogEnd)?;
        let summary = in_time(self.store.summary(log)).await?;
        if stale && summary.log_id != log {
            // The end that is known is that of an incarnation which is over.
            return Err(Unread::LogEnd);
        }
        let totals = StatsTotals::new(&summary, marks.partitions());
        self.last_pending.store(totals.pending, Ordering::Relaxed);
        Ok(Counted { totals, stale })
    }
}

/// Counts the event topics, where there are more than are named.
struct TopicCensus {
    store: Store,
    last: watch::Sender<Option<(i64, Instant)>>,
    /// One count at a time.
    turn: Arc<Semaphore>,
}

impl TopicCensus {
    fn new(store: Store) -> TopicCensus {
        TopicCensus { store, last: watch::Sender::new(None), turn: Arc::new(Semaphore::new(1)) }
    }

    async fn topics(self: &Arc<TopicCensus>) -> Result<Topics, StoreError> {
        let names = self.store.topic_names().await?;
        let told = names.len() as i64;
        let count = if names.len() < MAX_TOPIC_NAMES { told } else { self.count().await.max(told) };
        Ok(Topics { names: names.into(), count })
    }

    /// The last count. One that is old is renewed meanwhile; the first one is waited for.
    async fn count(self: &Arc<TopicCensus>) -> i64 {
        let known = *self.last.borrow();
        if known.is_none_or(|(_, at)| at.elapsed() > TOPIC_COUNT_AGE) {
            self.renew();
        }
        if let Some((count, _)) = known {
            return count;
        }
        let mut last = self.last.subscribe();
        let first = last.wait_for(Option::is_some).await;
        first.ok().and_then(|last| *last).map_or(0, |(count, _)| count)
    }

    fn renew(self: &Arc<TopicCensus>) {
        let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() else {
            return;
        };
        let census = Arc::clone(self);
        tokio::spawn(async move {
            match census.store.topic_count().await {
                Ok(count) => drop(census.last.send_replace(Some((count, Instant::now())))),
                Err(error) => note_failure(&error),
            }
            drop(turn);
        });
    }
}
