//! One read for all who ask at the same time.
//!
//! Who asks while a read is under way is served by the next one: a read that began before the question could miss
//! what the asker has just published. So there is one read at a time, however many ask, and it is let finish if
//! they go: each read has an end in time of its own.

use tokio::sync::{mpsc, oneshot};

/// Asks for a read.
#[derive(Debug)]
pub(crate) struct SharedRead<T> {
    ask: mpsc::Sender<oneshot::Sender<T>>,
}

/// How many may be handed over and not yet served; others wait for a place.
const ASKERS: usize = 1_024;

impl<T: Clone> SharedRead<T> {
    /// What is asked, and the task that reads for it; it ends when what is asked is dropped. A read that has come
    /// to nothing gives none.
    pub(crate) fn new<R>(read: impl FnMut() -> R) -> (SharedRead<T>, impl Future<Output = ()>)
    where
        R: Future<Output = Option<T>>,
    {
        let (ask, asked) = mpsc::channel(ASKERS);
        (SharedRead { ask }, serve(read, asked))
    }

    /// What a read has found that began after this call.
    pub(crate) async fn ask(&self) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.ask.send(answer).await.ok()?;
        answered.await.ok()
    }
}

async fn serve<T: Clone, R>(mut read: impl FnMut() -> R, mut asked: mpsc::Receiver<oneshot::Sender<T>>)
where
    R: Future<Output = Option<T>>,
{
    let mut together = Vec::new();
    while asked.recv_many(&mut together, ASKERS).await > 0 {
        let found = read().await;
        for answer in together.drain(..) {
            // They learn that nothing was found by their answer's end being dropped. Who has stopped waiting has
            // dropped its own.
            if let Some(found) = &found {
                let _ = answer.send(found.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Reads that each tell their number, once they are let go on.
    fn numbered() -> (Arc<Semaphore>, SharedRead<usize>, impl Future<Output = ()>) {
        let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let goes_on = Arc::clone(&gate);
        let (shared, serve) = SharedRead::new(move || {
            let (number, gate) = (begun.fetch_add(1, Ordering::Relaxed) + 1, Arc::clone(&gate));
            async move {
                gate.acquire().await.ok()?.forget();
                Some(number)
            }
        });
        (goes_on, shared, serve)
    }

    #[tokio::test]
    async fn all_who_ask_while_a_read_is_under_way_are_served_by_the_next_one_together() {
        let (gate, shared, serve) = numbered();
        let mut serve = Box::pin(serve);
        let mut first = Box::pin(shared.ask());
        assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut serve).is_pending());
        let mut others = Box::pin(join_all((0..100).map(|_| shared.ask())));
        assert!(futures::poll!(&mut others).is_pending());

        gate.add_permits(2);
        assert!(futures::poll!(&mut serve).is_pending());

        assert_eq!(first.await, Some(1));
        let others = others.await;
        assert!(others.iter().all(|found| *found == Some(2)), "{others:?}");
    }

    #[tokio::test]
    async fn a_read_that_comes_to_nothing_gives_none() {
        let (shared, serve) = SharedRead::<()>::new(|| async { None });

        let (found, ()) = tokio::join!(async move { shared.ask().await }, serve);

        assert!(found.is_none());
    }
}
