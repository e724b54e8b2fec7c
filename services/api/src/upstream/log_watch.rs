//! Keeps [`UpstreamStatus`](crate::upstream::status::UpstreamStatus) true: three loops that ask broker and database every few seconds.
//!
//! They are apart so that a silent broker does not hide the database, nor the other way round.

use std::time::{Duration, Instant};

use broker::{BrokerError, Level, LogClient};
use store::{Added, LogId, Opened, Standing, Store, StoreError};
use tokio::time::{sleep, timeout};

use crate::config::LogConfig;
use crate::upstream::status::{Reach, StatusBoard};

/// Between two questions for the log's identity: librdkafka does not react to a topic that was
/// deleted and created again, so we have to ask.
const IDENTITY_EVERY: Duration = Duration::from_secs(3);
/// Between two checks of the topic's settings.
const VERIFY_EVERY: Duration = Duration::from_hours(1);
/// Between two looks at the consumer group.
const GROUP_EVERY: Duration = Duration::from_secs(2);
/// Between two looks at the database.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Between two questions while somebody does not answer, or nobody is in the group.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two attempts where an operator has to act first.
const MENDED: Duration = Duration::from_secs(5);
/// How long the database may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Why it can't be told which log this is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogUnknown {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the loops ask, and where they note it.
#[derive(Clone)]
pub(crate) struct LogWatch {
    pub(crate) client: LogClient,
    pub(crate) store: Store,
    pub(crate) config: LogConfig,
    pub(crate) board: StatusBoard,
}

/// What was found out before, and need not be said or asked again.
#[derive(Default)]
struct Told {
    /// Partitions that were added.
    added: Option<Added>,
    copy: Copy,
}

/// Whose copy the database is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Copy {
    #[default]
    Undecided,
    /// It is the one that is worked with: from then on, consumers say which one it is.
    Ours,
    /// Members of the group may work with the original: until the copy is kept, it stays theirs.
    Refused,
}

impl LogWatch {
    /// Runs for ever.
    pub(crate) async fn run(self) {
        planted::panic_at(planted::Place::Watch, &(&self.client, &self.store));
        tokio::join!(self.watch_topic(), self.watch_group(), self.watch_database());
    }

    /// Creates and verifies the topic, then follows which incarnation of it we are in.
    async fn watch_topic(&self) {
        let mut verified: Option<Instant> = None;
        let mut told = Told::default();
        loop {
            if verified.is_none_or(|at| at.elapsed() >= VERIFY_EVERY) {
                verified = self.verify().await.then(Instant::now);
            }
            let before = self.board.now().log;
            let followed = verified.is_some() && self.follow(&mut told).await;
            if before.is_some() && self.board.now().log != before {
                // Whoever has created the topic again may have given it other settings.
                verified = None;
            }
            sleep(if followed { IDENTITY_EVERY } else { AGAIN }).await;
        }
    }

    /// Whether the topic is as it must be. Where it can't be told, what was known stands.
    async fn verify(&self) -> bool {
        match self.client.ensure_topic().await {
            Ok(report) => {
                for finding in &report.findings {
                    match finding.level {
                        Level::Info => tracing::info!("{finding}"),
                        Level::Warn => tracing::warn!("{finding}"),
                    }
                }
                self.board.note(|upstream| upstream.topic_verified = true);
                true
            }
            Err(error) => {
                self.note_broker_error(&error);
                false
            }
        }
    }

    /// Whether the log's incarnation is known, and events may be taken for it.
    async fn follow(&self, told: &mut Told) -> bool {
        let identity = match self.client.identity().await {
            Ok(identity) => identity,
            Err(error) => {
                self.note_broker_error(&error);
                return false;
            }
        };
        self.board.broker_answers();
        self.board.topic_is_fit();
        match self.store.open_log(&identity, self.config.accept_layout_change).await {
            Ok(opened) => {
                // Whether it is the log that lacked this id is for the consumer to find out. Until then the ends of
                // this topic are told beside nobody's progress.
                let (log, topic_id) = match opened {
                    Opened::Known(log) => (log, identity.topic_id.clone()),
                    Opened::Unproved(log) => (log, None),
                };
                if told.copy != Copy::Ours {
                    told.copy = self.whose_copy(told.copy).await;
                }
                if told.copy != Copy::Ours {
                    return false;
                }
                let added = log.added(&identity);
                if let Some(added) = added.as_ref().filter(|added| told.added.as_ref() != Some(*added)) {
                    tracing::warn!("{added}");
                }
                told.added = added;
                self.board.log_is(log, topic_id);
                self.board.copy_is_ours();
                true
            }
            Err(error @ StoreError::LayoutChanged { .. }) => {
                self.board.layout_refused(&error.to_string());
                false
            }
            // The database's own loop notes that it is gone. What is published is kept all the same.
            Err(error) => {
                self.board.note(|upstream| upstream.layout_asked = true);
                tracing::debug!(%error, "the log's incarnation can't be read");
                false
            }
        }
    }

    /// Which incarnation of the log this is, asked now. Notes nothing: the loop's own answer may be a newer one.
    pub(crate) async fn newest_log(&self) -> Result<LogId, LogUnknown> {
        let identity = self.client.identity().await?;
        Ok(self.store.open_log(&identity, self.config.accept_layout_change).await?.log().log_id)
    }

    /// Whose copy this is. Beside the original, what is published here would come to the original: so nothing is
    /// taken on another copy until it is decided.
    async fn whose_copy(&self, before: Copy) -> Copy {
        let looked = async {
            let copy = self.store.copy().await?;
            let name = match &self.config.group {
                Some(name) => name.clone(),
                None => self.store.default_group().await?,
            };
            Ok::<_, StoreError>((copy, name))
        };
        let (copy, name) = match looked.await {
            Ok(looked) => looked,
            Err(error) => {
                tracing::debug!(%error, "which copy of the database this is can't be read");
                return before;
            }
        };
        if copy.standing(&name) != Standing::Another {
            return Copy::Ours;
        }
        let undecided = |why: &str| {
            let difference = copy.difference(&name);
            format!("{difference}, and it is not decided yet whether the consumer group {name} works with it: {why}")
        };
        // Before the group is asked, which takes seconds.
        self.board.copy_undecided(&undecided("the group is being asked"));
        match self.client.members(&name).await {
            Ok(0) if before != Copy::Refused && !copy.was_refused(&name) => Copy::Ours,
            // Those that work with it can't say so while nothing can be written.
            Ok(1..) if copy.is_read_only() => {
                self.board.copy_refused(&undecided("it has members, and nothing can be written"));
                Copy::Undecided
            }
            // The original's consumers may be starting again. What was said before stands.
            Ok(0) if before == Copy::Refused => {
                tracing::debug!("the group is empty now, and this copy is refused all the same");
                Copy::Refused
            }
            Ok(members) => {
                self.board.copy_refused(&copy.refusal(&name, members).to_string());
                Copy::Refused
            }
            Err(error) => {
                self.board.copy_refused(&undecided(&error.to_string()));
                before
            }
        }
    }

    async fn watch_group(&self) {
        let mut name = String::new();
        let mut is_settled = false;
        loop {
            // A copy that is refused may become an installation of its own, with another group.
            let refused = self.board.now().copy_refused.is_some();
            if refused || !is_settled {
                name = self.group_name().await;
            }
            is_settled = !refused;
            // An error says nothing about the broker as a whole: the group's coordinator may be the
            // only one that is missing.
            let group = self.client.group(&name).await;
            let group = group.inspect_err(|error| tracing::debug!(%error, "the group can't be described")).ok();
            let somebody = group.as_ref().is_some_and(|group| group.members > 0);
            self.board.note(|upstream| upstream.group = group);
            sleep(if somebody { GROUP_EVERY } else { AGAIN }).await;
        }
    }

    async fn group_name(&self) -> String {
        if let Some(name) = &self.config.group {
            return name.clone();
        }
        loop {
            match self.store.default_group().await {
                Ok(name) => return name,
                Err(error) => tracing::debug!(%error, "the group's name can't be read"),
            }
            sleep(AGAIN).await;
        }
    }

    async fn watch_database(&self) {
        while let Err(error) = self.store.migrate().await {
            self.board.database_fails(&error);
            // Without the schema the database is as good as gone.
            sleep(if error.may_pass() { AGAIN } else { MENDED }).await;
        }
        loop {
            match timeout(PING_TIMEOUT, self.store.ping()).await {
                Ok(Ok(())) => self.board.database_answers(),
                Ok(Err(error)) => self.board.database_fails(&error),
                Err(_) => self.board.database_fails(&format_args!(
                    "the database can't be used now: it did not answer within {} s",
                    PING_TIMEOUT.as_secs()
                )),
            }
            let up = self.board.now().database == Reach::Up;
            sleep(if up { PING_EVERY } else { AGAIN }).await;
        }
    }

    /// What the broker has answered is a reason to take nothing until it is mended; all else is an outage.
    fn note_broker_error(&self, error: &BrokerError) {
        if error.is_an_answer() {
            self.board.topic_refused(&error.to_string());
        } else {
            self.board.broker_fails(&error.said());
        }
    }
}
