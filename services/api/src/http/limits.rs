//! Budgets in bytes, shared by all requests.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many bytes, of which each request holds some. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget {
    bytes: Arc<Semaphore>,
    total: usize,
    patience: Duration,
}

/// Bytes taken from a budget; given back when dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held {
    permit: OwnedSemaphorePermit,
}

/// Nothing came free in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl ByteBudget {
    /// How long a request waits for others to give back: a moment, so that a short burst is no refusal.
    const PATIENCE: Duration = Duration::from_secs(1);

    pub(crate) fn new(total: usize) -> ByteBudget {
        let total = total.min(u32::MAX as usize);
        ByteBudget { bytes: Arc::new(Semaphore::new(total)), total, patience: Self::PATIENCE }
    }

    /// A budget whose takers don't wait.
    #[cfg(test)]
    pub(crate) fn impatient(total: usize) -> ByteBudget {
        ByteBudget { patience: Duration::ZERO, ..ByteBudget::new(total) }
    }

    /// Takes `bytes`, or all there is if that is less; waits a moment for them.
    pub(crate) async fn take(&self, bytes: usize) -> Result<Held, NoRoom> {
        let bytes = bytes.min(self.total) as u32;
        let permit = Arc::clone(&self.bytes).acquire_many_owned(bytes);
        match tokio::time::timeout(self.patience, permit).await {
            Ok(Ok(permit)) => Ok(Held { permit }),
            _ => Err(NoRoom),
        }
    }
}

impl Held {
    /// Holds what `other` held as well.
    pub(crate) fn join(&mut self, other: Held) {
        self.permit.merge(other.permit);
    }

    /// Gives back what is above `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let above = self.permit.num_permits().saturating_sub(bytes);
        drop(self.permit.split(above));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[tokio::test]
    async fn what_is_held_is_refused_to_others_until_it_is_given_back() {
        let budget = ByteBudget::impatient(10);
        let mut first = budget.take(4).await.unwrap();
        first.join(budget.take(4).await.unwrap());

        assert_eq!(budget.take(3).await.err(), Some(NoRoom));
        first.shrink_to(7);
        assert!(budget.take(3).await.is_ok());
    }

    #[tokio::test]
    async fn more_than_there_is_takes_all() {
        let budget = ByteBudget::impatient(10);
        let all = budget.take(11).await.unwrap();

        assert_eq!(budget.take(1).await.err(), Some(NoRoom));
        drop(all);
        assert!(budget.take(10).await.is_ok());
    }
}
