//! Starting, watching and stopping the whole consumer.

use std::sync::Arc;
use std::time::Duration;

use broker::LogClient;
use broker::consume::{Reader, Settings};
use broker::log::{Finding, Level};
use store::{Store, Writer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::context::WriterContext;
use crate::copy_watch::CopyWatch;
use crate::error::ConsumerError;
use crate::reading::inbox::Inbox;
use crate::reading::log_tracker::LogTracker;
use crate::reading::route::Route;
use crate::reading::standstill::{Positions, StandstillWatch};
use crate::status::{Part, Status};
use crate::store_loop::StoreLoop;

/// A writer gets this long to end its transaction, at a stop and at a rebalance.
const FINISH_WITHIN: Duration = Duration::from_secs(5);
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Consumes until the shutdown. Waits for broker and database, for as long as it takes; ends with
/// an error only when waiting can't help. Stops within 10 s whatever hangs.
pub async fn run(
    config: Config,
    (broker_config, store_config): (broker::Config, store::Config),
    status: Status,
    shutdown: CancellationToken,
) -> Result<(), ConsumerError> {
    let broker = LogClient::open(&broker_config)?;
    let store = Store::open(&store_config)?;
    let config = Arc::new(config);
    let asked = (broker.clone(), store.clone());
    let watch = Arc::new(LogTracker::new(asked, config.clone(), status.clone()));
    let admitted = async {
        let default_group = prepare((&broker, &store, &watch), &status).await?;
        let group = config.group.clone().unwrap_or(default_group);
        let copy = CopyWatch { broker: broker.clone(), store: store.clone(), group, status: status.clone() };
        copy.admit(config.session_timeout).await.map(|()| copy)
    };
    let copy = tokio::select! {
        admitted = admitted => admitted?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let inboxes: Vec<Arc<Inbox>> = (0..config.writers.max(1)).map(|_| Arc::default()).collect();
    let (failed, failure) = unbounded_channel();
    let route = Route::new(inboxes.clone(), failed);
    let reader = broker::consume::open(&broker_config, &settings(&config, copy.group.clone()), move |event| {
        route.notice(event);
    })?;
    status.start();
    let positions = Positions::default();
    let standstill = (status.by(0), config.stalled_after);
    let standstill = StandstillWatch::new(broker.clone(), positions.clone(), standstill);

    let context = WriterContext {
        id: rand::random(),
        config: config.clone(),
        reader: reader.clone(),
        broker,
        group: copy.group.as_str().into(),
        watch: watch.clone(),
        group_commit: Arc::default(),
        status,
        positions,
        shutdown: shutdown.clone(),
    };
    let mut writers = JoinSet::new();
    for (inbox, number) in inboxes.into_iter().zip(1..) {
        let writer = Writer::new(&store_config, config.recent_keys)?;
        let (status, positions) = (context.status.by(number), context.positions.by(number));
        let context = WriterContext { status, positions, ..context.clone() };
        writers.spawn(StoreLoop::new(context, inbox, writer).run());
    }
    let ended = tokio::select! {
        () = watch.run() => Ok(()),
        () = standstill.run() => Ok(()),
        () = copy.follow() => Ok(()),
        ended = over(failure, &shutdown) => ended,
        // They end with the shutdown; one that ends before has panicked, and nobody would store
        // what it owns.
        Some(_) = writers.join_next() => {
            let stopping = shutdown.is_cancelled();
            if stopping { Ok(()) } else { Err(ConsumerError::Failed("a writer has ended".to_owned())) }
        }
    };
    shutdown.cancel();
    stop(writers, &reader).await;
    ended
}

/// Waits until topic, database and log are known. Gives the group's default name.
async fn prepare(
    (broker, store, watch): (&LogClient, &Store, &LogTracker),
    status: &Status,
) -> Result<String, ConsumerError> {
    let mut backoff = Backoff::default();
    loop {
        let tried: Result<String, ConsumerError> = async {
            broker.ensure_topic().await?.findings.iter().for_each(tell);
            status.working(Part::Broker);
            store.migrate().await?;
            status.working(Part::Database);
            watch.look().await?;
            Ok(store.default_group().await?)
        }
        .await;
        match tried {
            Err(error) if error.may_pass() => {
                status.failed(&error);
                tokio::time::sleep(backoff.next()).await;
            }
            done => return done,
        }
    }
}

fn tell(finding: &Finding) {
    match finding.level {
        Level::Warn => tracing::warn!("{finding}"),
        Level::Info => tracing::info!("{finding}"),
    }
}

fn settings(config: &Config, group: String) -> Settings {
    Settings {
        group,
        instance_id: config.instance_id.clone(),
        session_timeout: config.session_timeout,
        release_within: FINISH_WITHIN,
        queue_bytes: config.queue_bytes,
        fetch_bytes: config.fetch_bytes,
    }
}

async fn over(mut failure: UnboundedReceiver<String>, shutdown: &CancellationToken) -> Result<(), ConsumerError> {
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        reason = failure.recv() => {
            let reason = reason.unwrap_or_else(|| "the poll thread has ended".to_owned());
            Err(ConsumerError::Failed(reason))
        }
    }
}

async fn stop(mut writers: JoinSet<()>, reader: &Reader) {
    let finish = async { while writers.join_next().await.is_some() {} };
    if tokio::time::timeout(FINISH_WITHIN, finish).await.is_err() {
        tracing::warn!("a transaction did not end in time; what it holds is read again at the next start");
    }
    reader.close(LEAVE_WITHIN).await;
}
