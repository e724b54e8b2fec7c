//! Budgets in bytes, shared by all requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::planted;

/// So many bytes, of which each request holds some. Cheap to clone.
///
/// A request that holds more than [`ByteBudget::SMALL`] leaves a quarter of it free: a few large requests
/// that stand still keep no small one out.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    free: AtomicUsize,
    /// What only small requests may take.
    for_small: usize,
    patience: Duration,
    given_back: Notify,
}

/// Bytes taken from a budget; given back when dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Reserved {
    budget: Arc<Shared>,
    bytes: usize,
}

/// The budget has not so many bytes to give.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl ByteBudget {
    /// What a small request holds at most.
    pub(crate) const SMALL: usize = 64 * 1024;
    /// How long a request waits for others to give back: a moment, so that a short burst is no refusal.
    const PATIENCE: Duration = Duration::from_secs(1);

    pub(crate) fn new(total: usize) -> ByteBudget {
        ByteBudget::with_patience(total, Self::PATIENCE)
    }

    /// A budget whose takers don't wait.
    #[cfg(test)]
    pub(crate) fn impatient(total: usize) -> ByteBudget {
        ByteBudget::with_patience(total, Duration::ZERO)
    }

    fn with_patience(total: usize, patience: Duration) -> ByteBudget {
        let (free, for_small) = (AtomicUsize::new(total), planted::room_for_small(total / 4));
        ByteBudget { shared: Arc::new(Shared { free, for_small, patience, given_back: Notify::new() }) }
    }

    /// A share of nothing yet.
    pub(crate) fn share(&self) -> Reserved {
        Reserved { budget: Arc::clone(&self.shared), bytes: 0 }
    }
}

impl Reserved {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more, at once or not at all.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), NoRoom> {
        let left = if self.bytes.saturating_add(more) <= ByteBudget::SMALL { 0 } else { self.budget.for_small };
        let take = |free: usize| free.checked_sub(more).filter(|rest| *rest >= left);
        self.budget.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).map_err(|_| NoRoom)?;
        self.bytes += more;
        Ok(())
    }

    /// Takes more, and waits a moment for it.
    pub(crate) async fn grow_in_time(&mut self, more: usize) -> Result<(), NoRoom> {
        let budget = Arc::clone(&self.budget);
        let deadline = Instant::now() + budget.patience;
        loop {
            // Before the attempt, or what is given back in between would wake nobody.
            let given_back = budget.given_back.notified();
            if self.grow(more).is_ok() {
                return Ok(());
            }
            timeout_at(deadline, given_back).await.map_err(|_| NoRoom)?;
        }
    }

    /// Gives back what is above `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let above = self.bytes.saturating_sub(bytes);
        if above > 0 {
            self.bytes -= above;
            self.budget.free.fetch_add(above, Ordering::AcqRel);
            self.budget.given_back.notify_waiters();
        }
    }

    /// The text as bytes that hold as much of this share as they are long, until the last of them is sent.
    pub(crate) fn into_bytes(mut self, text: Vec<u8>) -> Bytes {
        self.shrink_to(text.len());
        Bytes::from_owner(HeldText { text, _held: self })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

struct HeldText {
    text: Vec<u8>,
    _held: Reserved,
}

impl AsRef<[u8]> for HeldText {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const SMALL: usize = ByteBudget::SMALL;

    #[test]
    fn what_is_held_is_refused_to_others_until_it_is_given_back() {
        let budget = ByteBudget::impatient(10);
        let (mut first, mut second) = (budget.share(), budget.share());
        first.grow(4).unwrap();
        first.grow(4).unwrap();

        assert_eq!(second.grow(3), Err(NoRoom));
        first.shrink_to(7);
        assert_eq!((second.grow(3), first.bytes(), second.bytes()), (Ok(()), 7, 3));
        drop(first);
        assert_eq!(second.grow(7), Ok(()));
    }

    #[test]
    fn large_requests_leave_a_quarter_to_small_ones() {
        let budget = ByteBudget::impatient(8 * SMALL);
        let (mut large, mut larger) = (budget.share(), budget.share());
        large.grow(6 * SMALL).unwrap();

        assert_eq!(larger.grow(SMALL + 1), Err(NoRoom));
        let mut small = [budget.share(), budget.share()];
        for share in &mut small {
            assert_eq!(share.grow(SMALL), Ok(()));
        }
        assert_eq!(budget.share().grow(1), Err(NoRoom), "no more than there is");
    }

    #[test]
    fn a_request_that_grows_large_is_a_large_one() {
        let budget = ByteBudget::impatient(8 * SMALL);
        let (mut growing, mut other) = (budget.share(), budget.share());
        other.grow(6 * SMALL).unwrap();

        assert_eq!((growing.grow(SMALL), growing.grow(1)), (Ok(()), Err(NoRoom)));
    }

    #[tokio::test]
    async fn who_waits_gets_what_is_given_back_in_time() {
        let budget = ByteBudget::with_patience(10, Duration::from_mins(1));
        let (mut first, mut second) = (budget.share(), budget.share());
        first.grow(10).unwrap();

        let (taken, ()) = tokio::join!(biased; second.grow_in_time(4), async { first.shrink_to(5) });

        assert_eq!((taken, second.bytes()), (Ok(()), 4));
    }

    #[test]
    fn a_text_holds_its_share_until_the_last_of_it_is_sent() {
        let budget = ByteBudget::impatient(10);
        let (mut held, mut other) = (budget.share(), budget.share());
        held.grow(9).unwrap();

        let mut text = held.into_bytes(b"abcdef".to_vec());
        assert_eq!((other.grow(5), other.grow(4)), (Err(NoRoom), Ok(())), "what is not needed is given back");
        let sent = text.split_to(5);
        drop(sent);
        assert_eq!(other.grow(1), Err(NoRoom));
        drop(text);
        assert_eq!(other.grow(6), Ok(()));
    }
}
