//! What a figure came to in each round.

use serde::Serialize;

/// The values of one figure, one per round; never empty.
#[derive(Clone, Debug, Serialize)]
pub struct Samples {
    /// The one in the middle.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// All, in the order of the rounds.
    pub values: Vec<f64>,
}

impl Samples {
    /// Sums up the values; none at all counts as zero.
    #[must_use]
    pub fn new(values: Vec<f64>) -> Self {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) };
        Self { median, low: at(0), high: at(sorted.len().saturating_sub(1)), values }
    }

    /// Each value divided by the other's of the same round.
    #[must_use]
    pub fn over(&self, limit: &Self) -> Self {
        Self::new(self.values.iter().zip(&limit.values).map(|(value, limit)| value / limit).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_it() {
        assert!(close(Samples::new(vec![3.0, 1.0, 2.0]).median, 2.0));
        assert!(close(Samples::new(vec![4.0, 1.0, 2.0, 3.0]).median, 2.5));
        assert!(close(Samples::new(vec![]).median, 0.0));
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        // The machine became twice as slow after the first round; the ratio did not.
        let ratio = Samples::new(vec![8.0, 4.0]).over(&Samples::new(vec![4.0, 2.0]));
        assert!(close(ratio.low, 2.0) && close(ratio.high, 2.0));
    }
}
