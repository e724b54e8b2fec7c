//! Which copy of the database is worked with: found out before the group is joined, and followed from then on.

use std::time::{Duration, Instant};

use broker::LogClient;
use store::{DatabaseCopy, Standing, Store, StoreError};
use tokio::time::sleep;

use crate::admission::{Admission, Found, Gate};
use crate::backoff::Backoff;
use crate::error::ConsumerError;
use crate::planted;
use crate::status::{Part, Status};

/// Between two looks of those that work with it.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Between two looks of one that waits.
const AGAIN: Duration = Duration::from_millis(500);
/// How long those that run may take to keep a copy that was put under them: a look, and a connection.
const KEPT_WITHIN: Duration = Duration::from_secs(10);

/// Looks which copy it is, and keeps it.
pub(crate) struct CopyWatch {
    pub(crate) broker: LogClient,
    pub(crate) store: Store,
    pub(crate) group: String,
    pub(crate) status: Status,
}

/// What comes of a look.
enum Step {
    Join,
    LookAgain(Duration),
    Refused(StoreError),
}

impl CopyWatch {
    /// Waits until the group may be joined. An error if it belongs to those that work with another copy.
    pub(crate) async fn admit(&self, session_timeout: Duration) -> Result<(), ConsumerError> {
        let mut gate = Gate::new(session_timeout + KEPT_WITHIN);
        let mut backoff = Backoff::default();
        loop {
            let pause = match self.step(&mut gate).await {
                Ok(Step::Join) => {
                    self.status.working(Part::Database);
                    return Ok(());
                }
                Ok(Step::LookAgain(pause)) => pause,
                Ok(Step::Refused(error)) => return Err(error.into()),
                Err(error) if error.may_pass() => {
                    gate.saw_nothing();
                    self.status.failed(&error);
                    backoff.next()
                }
                Err(error) => return Err(error),
            };
            sleep(pause).await;
        }
    }

    async fn step(&self, gate: &mut Gate) -> Result<Step, ConsumerError> {
        let copy = self.store.copy().await?;
        let standing = planted::standing(copy.standing(&self.group));
        let members = match standing {
            Standing::Another => self.broker.members(&self.group).await?,
            Standing::Same | Standing::Unkept => 0,
        };
        let was_refused = copy.was_refused(&self.group);
        let found = Found { standing, read_only: copy.is_read_only(), members, was_refused };
        Ok(match gate.look(found, Instant::now()) {
            Admission::Join => {
                if !copy.is_certain() {
                    tracing::info!(
                        "pg_control_system() can't be called: copies of the database are told by oids alone"
                    );
                }
                Step::Join
            }
            Admission::Keep => {
                self.keep(&copy).await?;
                Step::LookAgain(Duration::ZERO)
            }
            Admission::Wait => {
                self.status.failed(&copy.refusal(&self.group, members).into());
                Step::LookAgain(AGAIN)
            }
            Admission::Refuse if was_refused => Step::Refused(copy.refusal(&self.group, members)),
            // Kept before the process ends: at its next start the group may be empty. Unless a member has kept the
            // copy just now.
            Admission::Refuse => {
                self.store.refuse_copy(&copy, &self.group).await?;
                Step::LookAgain(Duration::ZERO)
            }
        })
    }

    /// Keeps whatever copy comes under this process from now on, for ever: those that start on it wait for that.
    pub(crate) async fn follow(&self) {
        loop {
            if let Err(error) = self.keep_if_replaced().await {
                tracing::debug!(%error, "which copy of the database this is can't be read or kept");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn keep_if_replaced(&self) -> Result<(), StoreError> {
        let copy = self.store.copy().await?;
        if copy.is_to_be_kept() {
            self.keep(&copy).await?;
        }
        Ok(())
    }

    async fn keep(&self, copy: &DatabaseCopy) -> Result<(), StoreError> {
        let was_another = copy.standing(&self.group) == Standing::Another;
        if !self.store.keep_copy(copy, &self.group).await? || !was_another {
            return Ok(());
        }
        let (place, group) = (copy.place(), &self.group);
        if copy.was_replaced() {
            tracing::warn!(%place, group, "another copy of the database has taken its place; it is worked with now");
        } else {
            tracing::warn!(%place, group, "the database is worked with by another group now");
        }
        Ok(())
    }
}
