//! Rows, topics and counters, before and after a run.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Url;
use serde::de::DeserializeOwned;
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

/// The server before the first request.
#[derive(Clone, Debug)]
pub struct Before {
    /// The counters.
    pub stats: Stats,
    /// Counts of the topics outside the run; none if they are too many to watch.
    others: Option<HashMap<String, (u64, u64)>>,
}

/// Reads what is there before a run, and refuses a run id that was used before.
pub async fn before(server: &Server, plan: &Plan) -> Result<Before, CheckError> {
    let (own, others) = topics(server, plan, WATCHED_PAGES).await?;
    if let Some(topic) = own.keys().next() {
        return Err(CheckError::RunUsed(topic.clone()));
    }
    Ok(Before {
        stats: patiently(|| server.stats()).await?,
        others,
    })
}

/// Reads what is there after a run.
pub async fn after(
    server: &Server,
    plan: &Plan,
    ledger: &Ledger,
    before: &Before,
    progress: &Progress,
) -> Result<Observed, CheckError> {
    let stats = patiently(|| server.stats()).await?;
    let (own, others) = topics(server, plan, usize::MAX).await?;
    let mut observed = Observed {
        stats: vec![before.stats, stats],
        others: compared(before, others),
        ..Observed::default()
    };
    let mut names: Vec<&String> = plan.topics.iter().collect();
    names.extend(own.keys().filter(|topic| ledger.topic(topic).is_none()));
    progress.begin("reading back", own.values().map(|count| count.stored).sum());
    for topic in names {
        read_topic(server, plan, ledger, topic, &mut observed, progress).await?;
    }
    observed.topics = own;
    read_single(server, plan, ledger, &mut observed).await?;
    Ok(observed)
}

/// Counts of the run's topics.
pub(super) async fn own_topics(
    server: &Server,
    plan: &Plan,
) -> Result<HashMap<String, TopicCount>, AskError> {
    topics(server, plan, usize::MAX).await.map(|(own, _)| own)
}

type OwnAndOthers = (
    HashMap<String, TopicCount>,
    Option<HashMap<String, (u64, u64)>>,
);

async fn topics(server: &Server, plan: &Plan, most_pages: usize) -> Result<OwnAndOthers, AskError> {
    let prefix = plan.run.prefix();
    let (mut own, mut others) = (HashMap::new(), HashMap::new());
    let mut next = Some(server.topics());
    let mut pages = 0;
    while let Some(url) = next {
        if pages == most_pages {
            return Ok((own, None));
        }
        let page: Page<TopicCount> = page(server, url).await?;
        for count in page.items {
            if count.topic.starts_with(&prefix) {
                own.insert(count.topic.clone(), count);
            } else {
                others.insert(
                    count.topic,
                    (count.stored, count.duplicates + count.conflicts),
                );
            }
        }
        pages += 1;
        next = page.next;
    }
    Ok((own, Some(others)))
}

fn compared(before: &Before, after: Option<HashMap<String, (u64, u64)>>) -> Others {
    match (&before.others, after) {
        (Some(before), Some(after)) if *before == after => Others::Silent,
        (Some(_), Some(_)) => Others::Publishing,
        _ => Others::Unknown,
    }
}

async fn read_topic(
    server: &Server,
    plan: &Plan,
    ledger: &Ledger,
    topic: &str,
    observed: &mut Observed,
    progress: &Progress,
) -> Result<(), AskError> {
    // A cursor that runs in circles ends here, and as rows that are there twice.
    let most = observed.rows.len() + observed.strangers.len() + 2 * plan.copies() + 1_000;
    let mut next = Some(server.events(topic));
    while let Some(url) = next.filter(|_| observed.rows.len() + observed.strangers.len() < most) {
        let page: Page<StoredEvent> = page(server, url).await?;
        progress.advance(page.items.len() as u64);
        for row in &page.items {
            match ledger.recognise(plan, topic, row) {
                Ok(row) => observed.rows.push(row),
                Err(stranger) => observed.strangers.push(stranger),
            }
        }
        next = page.next;
    }
    Ok(())
}

/// Asks for some events by their ids: they have to be what the list showed.
async fn read_single(
    server: &Server,
    plan: &Plan,
    ledger: &Ledger,
    observed: &mut Observed,
) -> Result<(), AskError> {
    let step = observed.rows.len().div_ceil(SINGLE_READS).max(1);
    let listed: Vec<Row> = observed.rows.iter().step_by(step).cloned().collect();
    for row in listed {
        let event = ledger.events_of(row.id)[0];
        let (topic, event_id) = (plan.topic_of(event), &plan.events[event].event_id);
        let name = ledger.name(plan, row.id);
        observed.single_reads += 1;
        match patiently(|| server.event(topic, event_id)).await {
            Ok(single) if ledger.recognise(plan, topic, &single).as_ref() == Ok(&row) => {}
            Ok(single) => observed
                .single_reads_differ
                .push(format!("{name}: listed as {row:?}, alone {single:?}")),
            Err(error @ AskError::Status { .. }) if !error.may_pass() => observed
                .single_reads_differ
                .push(format!("{name}: {error}")),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn page<T: DeserializeOwned>(server: &Server, url: Url) -> Result<Page<T>, AskError> {
    patiently(|| server.page(url.clone())).await
}

/// Asks until there is an answer, for as long as one may come.
pub(super) async fn patiently<T, F: Future<Output = Result<T, AskError>>>(
    ask: impl Fn() -> F,
) -> Result<T, AskError> {
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
