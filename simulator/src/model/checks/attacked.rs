//! What honest clients noticed of attackers.

use crate::model::{Beside, Case, Check, GroundTruth};
use crate::plan::Fault;

/// Only where the plan has attacks.
pub(in crate::model) fn attacked(case: &Case<'_>, ground_truth: &GroundTruth) -> Vec<Check> {
    let due = case.plan.injections.iter().filter(|injection| matches!(injection.fault, Fault::Attack(_))).count();
    if due == 0 { Vec::new() } else { vec![came_about(ground_truth, due), unharmed(case), well_answered(ground_truth)] }
}

fn came_about(ground_truth: &GroundTruth, due: usize) -> Check {
    let found = ground_truth.attacked.iter().filter(|attacked| attacked.done > 0).count();
    let against = (found != due).then(|| format!("{:?}", ground_truth.attacked));
    Check::refuted_by("attacks that came about", due, found, against.into_iter().collect())
}

/// However small a request is, it is answered.
fn unharmed(case: &Case<'_>) -> Check {
    let all = Beside::of(case.plan, case.history);
    let refused: u64 = all.iter().map(Beside::refused).sum();
    let harmed = all.iter().filter(|beside| beside.refused() > 0).map(|beside| {
        let last = beside.last_refusal().unwrap_or("given up");
        format!("{}: {} of {}, the last by {last}", beside.attack, beside.refused(), beside.asked())
    });
    Check::refuted_by("honest requests refused beside attackers", 0, refused, harmed.collect())
}

/// What is wrong with an attacker's request is not the server's fault.
fn well_answered(ground_truth: &GroundTruth) -> Check {
    let all =
        || ground_truth.attacked.iter().flat_map(|by| by.server_errors.iter().map(move |error| (by.attack, error)));
    let count: u64 = all().map(|(_, (_, times))| times).sum();
    let against = all().map(|(attack, (error, times))| format!("{attack}: {error}, {times} times"));
    Check::refuted_by("attackers answered with 5xx", 0, count, against.collect())
}
