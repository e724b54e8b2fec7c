//! How many connections there may be, and which of them has to go where there is no room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::line::Line;
use crate::http::limit_hits::Limit;

/// Slots for connections.
#[derive(Debug)]
pub(super) struct ConnectionSlots {
    permits: Arc<Semaphore>,
    lines: Mutex<HashMap<u64, Arc<Line>>>,
    next: AtomicU64,
}

/// A connection's slot; given back when dropped.
pub(super) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    number: u64,
    line: Arc<Line>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionSlots {
    pub(super) fn new(slots: usize) -> ConnectionSlots {
        let permits = Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS)));
        ConnectionSlots { permits, lines: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// A slot. Where all are taken, the connection that has been idle for the longest time is closed; where
    /// none is idle, the one that has sent half a header for the longest time; where all have requests, one has
    /// to be answered.
    pub(super) async fn slot(slots: &Arc<ConnectionSlots>) -> ConnectionSlot {
        /// Between two looks for one that is idle.
        const AGAIN: Duration = Duration::from_millis(50);
        if slots.permits.available_permits() == 0 {
            Limit::MaxConnections.hit();
        }
        let permit = loop {
            if slots.permits.available_permits() == 0 {
                slots.free_slot();
            }
            if let Ok(Ok(permit)) = timeout(AGAIN, Arc::clone(&slots.permits).acquire_owned()).await {
                break permit;
            }
        };
        let (number, line) = (slots.next.fetch_add(1, Ordering::Relaxed), Arc::new(Line::new()));
        slots.lines().insert(number, Arc::clone(&line));
        ConnectionSlot { slots: Arc::clone(slots), number, line, _permit: permit }
    }

    /// Frees a slot, if any connection is without a request.
    pub(super) fn free_slot(&self) {
        let lines = self.lines();
        let idle = lines.values().filter_map(|line| Some((line.without_request_since()?, line)));
        if let Some((_, line)) = idle.min_by_key(|(since, _)| *since) {
            line.ask_to_leave();
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<u64, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    pub(super) fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.lines().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Phase;
    use super::*;

    #[tokio::test]
    async fn at_the_cap_the_longest_idle_line_leaves_and_busy_ones_stay() {
        let slots = Arc::new(ConnectionSlots::new(3));
        let busy = ConnectionSlots::slot(&slots).await;
        let _answering = Line::answering(busy.line());
        let longest = ConnectionSlots::slot(&slots).await;
        let shorter = ConnectionSlots::slot(&slots).await;

        let (next, ()) = tokio::join!(ConnectionSlots::slot(&slots), async {
            longest.line().asked_to_leave().await;
            drop(longest);
        });

        assert_eq!(busy.line().phase(), Phase::Serving);
        assert!([&shorter, &next].iter().all(|slot| slot.line().without_request_since().is_some()));
    }

    #[tokio::test]
    async fn at_the_cap_idle_lines_leave_before_half_headers_and_of_these_the_oldest() {
        let slots = Arc::new(ConnectionSlots::new(3));
        let [oldest, younger] = [ConnectionSlots::slot(&slots).await, ConnectionSlots::slot(&slots).await];
        oldest.line().received();
        younger.line().received();
        let idle = ConnectionSlots::slot(&slots).await;

        let (next, ()) = tokio::join!(ConnectionSlots::slot(&slots), async {
            idle.line().asked_to_leave().await;
            drop(idle);
        });
        let _answering = Line::answering(next.line());
        let (_last, ()) = tokio::join!(ConnectionSlots::slot(&slots), async {
            oldest.line().asked_to_leave().await;
            assert_eq!(oldest.line().phase(), Phase::Cut);
            drop(oldest);
        });

        assert!(matches!(younger.line().phase(), Phase::Header { .. }));
    }
}
