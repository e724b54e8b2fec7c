//! Names of topics as a shop would have them.

use super::{RunId, event_maker::Kind};

/// `count` names under the run's prefix: `sim-k3.orders`, `sim-k3.payments`, …
/// and, when the kinds of business are used up, `sim-k3.orders-2`, …
#[must_use]
pub fn topic_names(run: &RunId, count: usize) -> Vec<String> {
    let prefix = run.prefix();
    (0..count)
        .map(|n| match n / Kind::ALL.len() {
            0 => format!("{prefix}{}", Kind::of_topic(n).name()),
            round => format!("{prefix}{}-{}", Kind::of_topic(n).name(), round + 1),
        })
        .collect()
}
