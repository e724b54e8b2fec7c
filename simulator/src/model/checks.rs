//! One function per group of claims; each claim is a line of the verdict.

mod answers;
mod attacked;
mod ground_truth;
mod rows;
mod stack;
mod stats;
mod topics;
mod verdicts;

pub(super) use answers::answers;
pub(super) use attacked::attacked;
pub(super) use ground_truth::ground_truth;
pub(super) use rows::rows;
pub(super) use stack::stack;
pub(super) use stats::stats;
pub(super) use topics::topics;
pub(super) use verdicts::verdicts;

/// `7`, or `7..9` where it is not known exactly.
fn range(fewest: u64, most: u64) -> String {
    if fewest == most { fewest.to_string() } else { format!("{fewest}..{most}") }
}
