//! How much may await delivery at once, in records and bytes.
//!
//! A request gets room for all its records or for none: a request that is
//! appended in half would append that half again at each of its repeats. The
//! room is held until the last delivery report, whoever still waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::record::Refused;

/// Records and bytes that await delivery, or may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Number of records.
    pub messages: usize,
    /// Bytes of their keys, values and headers.
    pub bytes: usize,
}

/// The one budget of an appender.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Queued,
    used: Mutex<Queued>,
    emptied: Notify,
}

impl Budget {
    pub(crate) fn new(limit: Queued) -> Arc<Self> {
        Arc::new(Self { limit, used: Mutex::default(), emptied: Notify::new() })
    }

    pub(crate) fn limit(&self) -> Queued {
        self.limit
    }

    pub(crate) fn used(&self) -> Queued {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns as soon as nothing awaits delivery.
    pub(crate) async fn wait_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.used() == Queued::default() {
                return;
            }
            emptied.await;
        }
    }

    /// Room for all of `need`, or for nothing of it.
    pub(crate) fn reserve(self: &Arc<Self>, need: Queued) -> Result<Reservation, Refused> {
        if need.messages > self.limit.messages || need.bytes > self.limit.bytes {
            return Err(Refused::RequestTooLarge {
                messages: need.messages,
                bytes: need.bytes,
                max_messages: self.limit.messages,
                max_bytes: self.limit.bytes,
            });
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        // No overflow: what is used and what is needed both lie within the limit.
        let free_messages = self.limit.messages - used.messages;
        let free_bytes = self.limit.bytes - used.bytes;
        if need.messages > free_messages || need.bytes > free_bytes {
            return Err(Refused::NoRoom { messages: used.messages, bytes: used.bytes });
        }
        used.messages += need.messages;
        used.bytes += need.bytes;
        Ok(Reservation { budget: Arc::clone(self), held: need })
    }
}

/// Room that is held; dropping it gives it back.
#[must_use = "the room is given back when this is dropped"]
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    held: Queued,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = self.budget.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.messages -= self.held.messages;
        used.bytes -= self.held.bytes;
        if *used == Queued::default() {
            self.budget.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn load(messages: usize, bytes: usize) -> Queued {
        Queued { messages, bytes }
    }

    #[test]
    fn a_request_gets_room_for_all_of_it_or_for_nothing() {
        let budget = Budget::new(load(10, 100));
        let first = budget.reserve(load(6, 10)).unwrap();
        assert!(matches!(budget.reserve(load(5, 1)), Err(Refused::NoRoom { messages: 6, .. })));
        assert!(matches!(budget.reserve(load(1, 91)), Err(Refused::NoRoom { bytes: 10, .. })));
        assert_eq!(budget.used(), load(6, 10), "a refusal holds nothing");
        let second = budget.reserve(load(4, 90)).unwrap();
        drop(first);
        assert_eq!(budget.used(), load(4, 90));
        drop(second);
        assert_eq!(budget.used(), load(0, 0));
    }

    #[test]
    fn what_could_never_fit_is_not_told_to_wait() {
        let budget = Budget::new(load(10, 100));
        assert!(matches!(budget.reserve(load(11, 1)), Err(Refused::RequestTooLarge { .. })));
        assert!(matches!(budget.reserve(load(1, usize::MAX)), Err(Refused::RequestTooLarge { max_bytes: 100, .. })));
    }

    #[tokio::test]
    async fn who_waits_for_it_to_be_empty_hears_of_the_last_room_given_back() {
        let budget = Budget::new(load(10, 100));
        budget.wait_empty().await;
        let (first, last) = (budget.reserve(load(1, 1)).unwrap(), budget.reserve(load(1, 1)).unwrap());
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.wait_empty().await }
        });
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(last);
        waiting.await.unwrap();
    }

    proptest! {
        #[test]
        fn it_never_goes_over_its_limit_and_returns_to_zero(
            limit in (0usize..50, 0usize..500),
            steps in prop::collection::vec((any::<bool>(), 0usize..60, 0usize..600), 0..60),
        ) {
            let budget = Budget::new(load(limit.0, limit.1));
            let mut held = Vec::new();
            for (give_back, messages, bytes) in steps {
                if give_back && !held.is_empty() {
                    drop(held.swap_remove(messages % held.len()));
                } else if let Ok(reservation) = budget.reserve(load(messages, bytes)) {
                    held.push(reservation);
                }
                let used = budget.used();
                prop_assert!(used.messages <= limit.0 && used.bytes <= limit.1);
                let sum = held.iter().fold((0, 0), |sum, r| {
                    (sum.0 + r.held.messages, sum.1 + r.held.bytes)
                });
                prop_assert_eq!((used.messages, used.bytes), sum);
            }
            held.clear();
            prop_assert_eq!(budget.used(), load(0, 0));
        }
    }
}
