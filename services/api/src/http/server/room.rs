//! How many connections there may be, and which of them has to go where there is no room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::line::Line;
use crate::http::limit_hits::Limit;

/// Places for connections.
#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    lines: Mutex<HashMap<u64, Arc<Line>>>,
    next: AtomicU64,
}

/// A connection's place; given back when dropped.
pub(super) struct Place {
    room: Arc<Room>,
    number: u64,
    line: Arc<Line>,
    _permit: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new(places: usize) -> Room {
        let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Room { places, lines: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// A place. Where all are taken, the connection that has been idle for the longest time is closed; where
    /// none is idle, the one that has sent half a header for the longest time; where all have requests, one has
    /// to be answered.
    pub(super) async fn place(room: &Arc<Room>) -> Place {
        /// Between two looks for one that is idle.
        const AGAIN: Duration = Duration::from_millis(50);
        if room.places.available_permits() == 0 {
            Limit::MaxConnections.hit();
        }
        let permit = loop {
            if room.places.available_permits() == 0 {
                room.make_place();
            }
            if let Ok(Ok(permit)) = timeout(AGAIN, Arc::clone(&room.places).acquire_owned()).await {
                break permit;
            }
        };
        let (number, line) = (room.next.fetch_add(1, Ordering::Relaxed), Arc::new(Line::new()));
        room.lines().insert(number, Arc::clone(&line));
        Place { room: Arc::clone(room), number, line, _permit: permit }
    }

    /// Makes a place, if any connection is without a request.
    pub(super) fn make_place(&self) {
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

impl Place {
    pub(super) fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.lines().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Phase;
    use super::*;

    #[tokio::test]
    async fn at_the_cap_the_longest_idle_line_leaves_and_busy_ones_stay() {
        let room = Arc::new(Room::new(3));
        let busy = Room::place(&room).await;
        let _answering = Line::answering(busy.line());
        let longest = Room::place(&room).await;
        let shorter = Room::place(&room).await;

        let (next, ()) = tokio::join!(Room::place(&room), async {
            longest.line().asked_to_leave().await;
            drop(longest);
        });

        assert_eq!(busy.line().phase(), Phase::Serving);
        assert!([&shorter, &next].iter().all(|place| place.line().without_request_since().is_some()));
    }

    #[tokio::test]
    async fn at_the_cap_idle_lines_leave_before_half_headers_and_of_these_the_oldest() {
        let room = Arc::new(Room::new(3));
        let [oldest, younger] = [Room::place(&room).await, Room::place(&room).await];
        oldest.line().received();
        younger.line().received();
        let idle = Room::place(&room).await;

        let (next, ()) = tokio::join!(Room::place(&room), async {
            idle.line().asked_to_leave().await;
            drop(idle);
        });
        let _answering = Line::answering(next.line());
        let (_last, ()) = tokio::join!(Room::place(&room), async {
            oldest.line().asked_to_leave().await;
            assert_eq!(oldest.line().phase(), Phase::Cut);
            drop(oldest);
        });

        assert!(matches!(younger.line().phase(), Phase::Header { .. }));
    }
}
