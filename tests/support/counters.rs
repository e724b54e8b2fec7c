//! The counters: each is held against the others, against the rows, and against the topic itself as
//! an independent reader finds it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::app::App;
use super::wait::eventually;

/// Sums over all partitions and incarnations of the topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) stored: i64,
    pub(crate) duplicates: i64,
    pub(crate) conflicts: i64,
    pub(crate) dead_letters: i64,
    pub(crate) skipped: i64,
    pub(crate) redelivered: i64,
}

/// One partition of one incarnation of the topic, as `progress` has it.
#[derive(Debug)]
struct Page {
    log_id: i32,
    partition: i32,
    first_offset: i64,
    next_offset: i64,
    consumed: i64,
    counters: Counters,
}

type Row = (i32, i32, i64, i64, i64, i64, i64, i64, i64, i64, i64);

async fn pages(app: &App) -> Vec<Page> {
    let rows: Vec<Row> = app
        .database
        .rows(
            "SELECT log_id, partition, first_offset, next_offset, consumed, stored, duplicates,
                    conflicts, dead_letters, skipped, redelivered
               FROM progress
              ORDER BY log_id, partition",
        )
        .await;
    rows.into_iter().map(page).collect()
}

fn page(row: Row) -> Page {
    Page {
        log_id: row.0,
        partition: row.1,
        first_offset: row.2,
        next_offset: row.3,
        consumed: row.4,
        counters: Counters {
            stored: row.5,
            duplicates: row.6,
            conflicts: row.7,
            dead_letters: row.8,
            skipped: row.9,
            redelivered: row.10,
        },
    }
}

/// Waits until the log is drained, audits everything, and gives the sums.
pub(crate) async fn balanced(app: &App) -> Counters {
    app.drained().await;
    let pages = pages(app).await;
    for page in &pages {
        every_offset_and_record_is_accounted_for(page);
        the_rows_are_what_was_counted(app, page).await;
    }
    the_topics_add_up(app, &pages).await;
    the_log_holds_what_was_consumed(app, &pages).await;
    let (stats, counters) = eventually("nothing is pending, and nothing is read again", async || {
        let before = sums(app).await;
        let answer = app.client.get("/stats").await;
        // The api learns a moment later than the consumer that the topic was created again.
        let known = answer.status != 503 || !answer.text.contains("log-end-unknown");
        let stats = known.then(|| answer.expect(200).json())?;
        // What is stored may be read again at any time, and is counted then.
        (stats["pending"] == 0 && sums(app).await == before).then_some((stats, before))
    })
    .await;
    stats_agree(&stats, counters);
    counters
}

async fn sums(app: &App) -> Counters {
    pages(app).await.iter().fold(Counters::default(), |sum, page| sum.plus(page.counters))
}

impl Counters {
    fn plus(self, other: Counters) -> Counters {
        Counters {
            stored: self.stored + other.stored,
            duplicates: self.duplicates + other.duplicates,
            conflicts: self.conflicts + other.conflicts,
            dead_letters: self.dead_letters + other.dead_letters,
            skipped: self.skipped + other.skipped,
            redelivered: self.redelivered + other.redelivered,
        }
    }

    /// Records that have an outcome.
    pub(crate) fn consumed(self) -> i64 {
        self.stored + self.duplicates + self.conflicts + self.dead_letters
    }
}

fn every_offset_and_record_is_accounted_for(page: &Page) {
    let offsets = page.next_offset - page.first_offset;
    assert_eq!(offsets, page.consumed + page.counters.skipped, "{page:?}");
    assert_eq!(page.consumed, page.counters.consumed(), "{page:?}");
}

async fn the_rows_are_what_was_counted(app: &App, page: &Page) {
    let counted = [
        ("events", page.counters.stored),
        ("conflicts", page.counters.conflicts),
        ("dead_letters", page.counters.dead_letters),
    ];
    for (table, count) in counted {
        let (log_id, partition) = (page.log_id, page.partition);
        let sql = format!("SELECT count(*) FROM {table} WHERE log_id = {log_id} AND partition = {partition}");
        assert_eq!(app.database.number(&sql).await, count, "{table}: {page:?}");
    }
}

async fn the_topics_add_up(app: &App, pages: &[Page]) {
    let sums: Vec<(i32, i32, i64, i64, i64)> = app
        .database
        .rows(
            "SELECT log_id, partition, sum(stored)::int8, sum(duplicates)::int8, sum(conflicts)::int8
               FROM topic_counts
              GROUP BY log_id, partition",
        )
        .await;
    for page in pages {
        let key = (page.log_id, page.partition);
        let found = sums.iter().find(|sum| (sum.0, sum.1) == key);
        let found = found.map_or((0, 0, 0), |sum| (sum.2, sum.3, sum.4));
        let expected = (page.counters.stored, page.counters.duplicates, page.counters.conflicts);
        assert_eq!(found, expected, "topic_counts: {page:?}");
    }
}

/// An independent reader counts the records below `next_offset`, where none were trimmed.
async fn the_log_holds_what_was_consumed(app: &App, pages: &[Page]) {
    let newest = pages.iter().map(|page| page.log_id).max();
    let ends = app.log.ends().await;
    let mut found: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for (partition, offset, _) in app.log.records().await {
        found.entry(partition).or_default().push(offset);
    }
    for page in pages.iter().filter(|page| Some(page.log_id) == newest) {
        let low = ends[page.partition as usize].low;
        if low > page.first_offset {
            continue;
        }
        let span = page.first_offset..page.next_offset;
        let offsets = found.get(&page.partition).into_iter().flatten();
        let count = offsets.filter(|offset| span.contains(offset)).count();
        assert_eq!(count as i64, page.consumed, "records on the topic: {page:?}");
    }
}

fn stats_agree(stats: &Value, counters: Counters) {
    let number = |name: &str| stats[name].as_i64().unwrap_or_else(|| panic!("{name}: {stats}"));
    assert_eq!(number("unique_processed"), counters.stored, "{stats}");
    let dropped = counters.duplicates + counters.conflicts;
    assert_eq!(number("duplicate_dropped"), dropped, "{stats}");
    assert_eq!(number("conflicts"), counters.conflicts, "{stats}");
    assert_eq!(number("dead_letters"), counters.dead_letters, "{stats}");
    assert_eq!(number("redelivered"), counters.redelivered, "{stats}");
    assert_eq!(number("received"), counters.consumed() + counters.skipped + number("pending"), "{stats}");
    assert_eq!(stats["queue_size"], stats["pending"]);
    assert_eq!(stats["uptime_stats"]["total_received_api"], stats["received"]);
    let dropped = &stats["uptime_stats"]["duplicates_dropped_consumer"];
    assert_eq!(*dropped, stats["duplicate_dropped"]);
    let stored = &stats["database_stats"]["unique_events_stored"];
    assert_eq!(*stored, stats["unique_processed"]);
}

/// The group's committed offsets are a metric that may lag, and must never lead.
pub(crate) async fn the_group_never_leads(app: &App) {
    let committed = app.log.committed(&app.group().await).await;
    for (partition, next) in app.next_offsets().await {
        let committed = committed[partition as usize];
        assert!(
            committed.is_none_or(|committed| committed <= next),
            "partition {partition}: the group is at {committed:?}, stored is up to {next}"
        );
    }
}
