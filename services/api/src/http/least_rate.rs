//! How fast a client has to send, or to take.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes that have to move in each span of time that a client is waited for. Time in which it is not waited for
/// does not count.
#[derive(Debug)]
pub(crate) struct LeastRate {
    span: Duration,
    due: usize,
    /// Of the present span.
    left: Duration,
    missing: usize,
    waiting_since: Option<Instant>,
}

impl LeastRate {
    /// So many bytes per second, in each span of this length; at 0, any byte will do.
    pub(crate) fn new(bytes_per_second: usize, span: Duration) -> LeastRate {
        let due = (bytes_per_second as f64 * span.as_secs_f64()) as usize;
        let due = due.max(1);
        LeastRate { span, due, left: span, missing: due, waiting_since: None }
    }

    /// Begins a span, whatever was missing in the last one.
    pub(crate) fn restart(&mut self) {
        (self.left, self.missing, self.waiting_since) = (self.span, self.due, None);
    }

    /// The client is waited for: until when, at most.
    pub(crate) fn deadline(&mut self, now: Instant) -> Instant {
        *self.waiting_since.get_or_insert(now) + self.left
    }

    /// So many bytes have moved.
    pub(crate) fn moved(&mut self, bytes: usize, now: Instant) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(now - since);
        }
        self.missing = self.missing.saturating_sub(bytes);
        if self.missing == 0 {
            self.restart();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_client_that_brings_less_in_a_span_is_late_however_often_it_brings_something() {
        let (start, mut rate) = (Instant::now(), LeastRate::new(1024, 5 * SECOND));
        let deadline = start + 5 * SECOND;

        for second in 0..5 {
            assert_eq!(rate.deadline(start + second * SECOND), deadline);
            rate.moved(1023, start + (second + 1) * SECOND);
        }

        assert_eq!(rate.deadline(deadline), deadline, "it is over");
    }

    #[test]
    fn one_that_brings_enough_begins_a_new_span() {
        let (start, mut rate) = (Instant::now(), LeastRate::new(1024, 5 * SECOND));
        rate.deadline(start);
        rate.moved(1, start + 4 * SECOND);
        rate.moved(5 * 1024 - 1, start + 4 * SECOND);

        assert_eq!(rate.deadline(start + 4 * SECOND), start + 9 * SECOND);
    }

    #[test]
    fn time_in_which_nobody_waits_for_the_client_does_not_count() {
        let (start, mut rate) = (Instant::now(), LeastRate::new(1024, 5 * SECOND));
        rate.deadline(start);
        rate.moved(1, start + SECOND);

        assert_eq!(rate.deadline(start + 100 * SECOND), start + 104 * SECOND);
    }

    #[test]
    fn what_was_missing_before_is_not_asked_for_again() {
        let (start, mut rate) = (Instant::now(), LeastRate::new(1024, 5 * SECOND));
        rate.deadline(start);
        rate.restart();

        assert_eq!(rate.deadline(start + 4 * SECOND), start + 9 * SECOND);
    }

    #[test]
    fn without_a_rate_any_byte_will_do() {
        let (start, mut rate) = (Instant::now(), LeastRate::new(0, 5 * SECOND));
        rate.deadline(start);
        rate.moved(1, start + 4 * SECOND);

        assert_eq!(rate.deadline(start + 4 * SECOND), start + 9 * SECOND);
    }
}
