//! Times to an answer.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::model::{KnownOutcome, Sent};

/// Longer times are shown as this one: an hour.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// Milliseconds at some quantiles.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    /// Half of all took no longer.
    pub p50: f64,
    /// 99 % took no longer.
    pub p99: f64,
    /// None took longer.
    pub max: f64,
}

impl Quantiles {
    /// Of the requests that were acknowledged, retries included.
    pub(super) fn of<'a>(all: impl IntoIterator<Item = &'a Sent>) -> Self {
        let Ok(mut micros) = Histogram::<u64>::new_with_bounds(1, LONGEST_MICROS, 3) else {
            return Self::default();
        };
        for sent in all.into_iter().filter(|sent| matches!(sent.outcome, KnownOutcome::Acknowledged(_))) {
            micros.saturating_record(sent.elapsed.as_micros() as u64);
        }
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1_000.0;
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}
