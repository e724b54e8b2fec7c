//! Rows, topics and counters, before and after a run.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::CheckError;
use crate::model::{Ledger, Observed, Others, Row};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::publish::retry;
use crate::server::{AskError, Page, Server, Stats, StoredEvent, TopicCount};

/// A question is asked again for this long while the server is away.
const ASKED_FOR: Duration = Duration::from_secs(30);
/// Topics of others beyond this number of pages are not watched.
const WATCHED_PAGES: usize = 100;
/// Events asked for one by one.
const SINGLE_READS: usize = 20;

/// Reads a run back.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The server.
    pub server: &'a Server,
    /// What was sent.
    pub plan: &'a Plan,
    /// The ids in it.
    pub ledger: &'a Ledger,
    /// Shows what is being read.
    pub progress: &'a Progress,
}

/// The server before the first request.
#[derive(Clone, Debug)]
pub struct Before {
    /// The counters.
    pub stats: Stats,
    /// Counts of the topics outside the run; none if they are too many to watch.
    others: Option<HashMap<String, (u64, u64)>>,
}

impl Reader<'_> {
    /// Reads what is there before a run, and refuses a run id that was used before.
    pub async fn before(&self) -> Result<Before, CheckError> {
        let (own, others) = self.topics(WATCHED_PAGES).await?;
        if let Some(topic) = own.keys().next() {
            return Err(CheckError::RunUsed(topic.clone()));
        }
        let stats = patiently(|| self.server.stats()).await?;
        Ok(Before { stats, others })
    }

    /// Reads what is there after a run.
    pub async fn after(&self, before: &Before) -> Result<Observed, CheckError> {
        let stats = patiently(|| self.server.stats()).await?;
        let (own, others) = self.topics(usize::MAX).await?;
        let mut observed =
            Observed { stats: vec![before.stats, stats], others: compared(before, others), ..Observed::default() };
        let mut names: Vec<&String> = self.plan.topics.iter().collect();
        names.extend(own.keys().filter(|topic| self.ledger.topic(topic).is_none()));
        self.progress.begin("reading back", own.values().map(|count| count.stored).sum());
        for topic in names {
            self.read_topic(topic, &mut observed).await?;
        }
        observed.topics = own;
        self.read_single(&mut observed).await?;
        Ok(observed)
    }

    /// Counts of the run's topics, and of the others unless there are too many.
    pub(super) async fn topics(&self, most_pages: usize) -> Result<OwnAndOthers, AskError> {
        let prefix = self.plan.run.prefix();
        let (mut own, mut others) = (HashMap::new(), HashMap::new());
        let mut next = Some(self.server.topics());
        let mut pages = 0;
        while let Some(url) = next {
            if pages == most_pages {
                return Ok((own, None));
            }
            let page: Page<TopicCount> = patiently(|| self.server.page(url.clone())).await?;
            for count in page.items {
                if count.topic.starts_with(&prefix) {
                    own.insert(count.topic.clone(), count);
                } else {
                    others.insert(count.topic, (count.stored, count.duplicates + count.conflicts));
                }
            }
            pages += 1;
            next = page.next;
        }
        Ok((own, Some(others)))
    }

    async fn read_topic(&self, topic: &str, observed: &mut Observed) -> Result<(), AskError> {
        // A cursor that runs in circles ends here, and as rows that are there twice.
        let most = observed.seen() + 2 * self.plan.copies() + 1_000;
        let mut next = Some(self.server.events(topic));
        while let Some(url) = next.filter(|_| observed.seen() < most) {
            let page: Page<StoredEvent> = patiently(|| self.server.page(url.clone())).await?;
            self.progress.advance(page.items.len() as u64);
            for row in &page.items {
                match self.ledger.recognise(self.plan, topic, row) {
                    Ok(row) => observed.rows.push(row),
                    Err(stranger) => observed.strangers.push(stranger),
                }
            }
            next = page.next;
        }
        Ok(())
    }

    /// Asks for some events by their ids: they have to be what the list showed.
    async fn read_single(&self, observed: &mut Observed) -> Result<(), AskError> {
        let step = observed.rows.len().div_ceil(SINGLE_READS).max(1);
        let listed: Vec<Row> = observed.rows.iter().step_by(step).cloned().collect();
        for row in listed {
            let event = self.ledger.events_of(row.id)[0];
            let (topic, event_id) = (self.plan.topic_of(event), &self.plan.events[event].event_id);
            let name = self.ledger.name(self.plan, row.id);
            observed.single_reads += 1;
            let differs = match patiently(|| self.server.event(topic, event_id)).await {
                Ok(single) if self.ledger.recognise(self.plan, topic, &single).as_ref() == Ok(&row) => {
                    continue;
                }
                Ok(single) => format!("{name}: listed as {row:?}, alone {single:?}"),
                Err(error @ AskError::Status { .. }) if !error.may_pass() => {
                    format!("{name}: {error}")
                }
                Err(error) => return Err(error),
            };
            observed.single_reads_differ.push(differs);
        }
        Ok(())
    }
}

/// Counts of the run's topics by name, and `(stored, dropped)` of the others.
pub(super) type OwnAndOthers = (HashMap<String, TopicCount>, Option<HashMap<String, (u64, u64)>>);

fn compared(before: &Before, after: Option<HashMap<String, (u64, u64)>>) -> Others {
    match (&before.others, after) {
        (Some(before), Some(after)) if *before == after => Others::Silent,
        (Some(_), Some(_)) => Others::Publishing,
        _ => Others::Unknown,
    }
}

/// Asks until there is an answer, for as long as one may come.
pub(super) async fn patiently<T, F: Future<Output = Result<T, AskError>>>(ask: impl Fn() -> F) -> Result<T, AskError> {
    let begun = Instant::now();
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(error) if error.may_pass() && begun.elapsed() < ASKED_FOR => {
                sleep(retry::wait(attempt, None, fake::rand::random())).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}
