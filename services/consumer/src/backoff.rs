//! Growing pauses.

use std::time::Duration;

/// Growing pauses with jitter, so that many writers don't come back at the same moment.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    const LONGEST: Duration = Duration::from_secs(5);

    pub(crate) fn next(&mut self) -> Duration {
        let longest = Duration::from_millis(100).saturating_mul(1 << self.tries.min(10)).min(Self::LONGEST);
        self.tries += 1;
        longest.mul_f64(rand::random_range(0.5..1.0))
    }
}
