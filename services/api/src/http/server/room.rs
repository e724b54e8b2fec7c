//! How many connections there may be, and which of them has to go where there is no room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::line::Line;

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

    /// A place. Where all are taken, the connection that has been idle for the longest time is closed;
    /// where none is idle, one of them has to become so.
    pub(super) async fn place(room: &Arc<Room>) -> Place {
        /// Between two looks for one that is idle.
        const AGAIN: Duration = Duration::from_millis(50);
        let permit = loop {
            if room.places.available_permits() == 0 {
                room.close_longest_idle();
            }
            if let Ok(Ok(permit)) = timeout(AGAIN, Arc::clone(&room.places).acquire_owned()).await {
                break permit;
            }
        };
        let (number, line) = (room.next.fetch_add(1, Ordering::Relaxed), Arc::new(Line::new()));
        room.lines().insert(number, Arc::clone(&line));
        Place { room: Arc::clone(room), number, line, _permit: permit }
    }

    /// Makes room, if any connection is idle.
    pub(super) fn close_longest_idle(&self) {
        let lines = self.lines();
        let idle = lines.values().filter_map(|line| Some((line.idle_since()?, line)));
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
        assert!(shorter.line().idle_since().is_some() && next.line().idle_since().is_some());
    }
}
