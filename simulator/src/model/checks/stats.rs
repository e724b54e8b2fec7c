//! The server's counters.

use super::{range, topics};
use crate::model::facts::Facts;
use crate::model::{Case, Check, GroundTruth, Others, State};
use crate::server::Stats;

pub(in crate::model) fn stats(case: &Case<'_>, facts: &Facts) -> Vec<Check> {
    let (Some(before), Some(after)) = (case.observed.stats.first(), case.observed.stats.last()) else {
        return Vec::new();
    };
    let mut checks = match &case.observed.ground_truth {
        Some(ground_truth) => vec![as_in_the_ground_truth(ground_truth, after)],
        None => moved(case, facts, before, after),
    };
    checks.push(add_up(&case.observed.stats));
    if !case.nature().counters_go_back {
        checks.push(never_back(&case.observed.stats));
    }
    checks
}

/// The database and the log are known: every counter has one right value.
fn as_in_the_ground_truth(ground_truth: &GroundTruth, after: &Stats) -> Check {
    let (counts, skipped, redelivered) = ground_truth.sums();
    let due = [
        ("received", after.received, counts.sum() + skipped),
        ("unique_processed", after.unique_processed, counts.stored),
        ("duplicate_dropped", after.duplicate_dropped, counts.duplicates + counts.conflicts),
        ("conflicts", after.conflicts, counts.conflicts),
        ("dead_letters", after.dead_letters, counts.dead_letters),
        ("skipped", after.skipped, skipped),
        ("redelivered", after.redelivered, redelivered),
        ("pending", after.pending.unwrap_or(-1), 0),
    ];
    let wrong = due.iter().filter(|(_, found, right)| found != right);
    let against: Vec<_> = wrong.map(|(name, found, right)| format!("{name} is {found}, not {right}")).collect();
    Check::refuted_by("/stats figures as in log and database", due.len(), due.len() - against.len(), against)
}

fn moved(case: &Case<'_>, facts: &Facts, before: &Stats, after: &Stats) -> Vec<Check> {
    let copies = facts.copies.iter().fold((0, 0), |sum, copies| (sum.0 + copies.0, sum.1 + copies.1));
    let rows = case.observed.rows.len() as u64;
    let dropped = (copies.0.saturating_sub(rows), copies.1.saturating_sub(rows));
    // What is not known to be there may be a conflict or not.
    let uncertain = copies.1 - copies.0;
    let most_conflicts = topics::conflicts(case, facts);
    let conflicts = (most_conflicts.saturating_sub(uncertain), most_conflicts);
    [
        ("/stats received", after.received - before.received, copies),
        ("/stats unique_processed", after.unique_processed - before.unique_processed, (rows, rows)),
        ("/stats duplicate_dropped", after.duplicate_dropped - before.duplicate_dropped, dropped),
        ("/stats conflicts", after.conflicts - before.conflicts, conflicts),
        ("/stats dead_letters", after.dead_letters - before.dead_letters, (0, 0)),
    ]
    .into_iter()
    .map(|(what, found, (fewest, most))| delta(case.observed.others, what, found, (fewest, most)))
    .collect()
}

fn delta(others: Others, what: &'static str, found: i64, (fewest, most): (u64, u64)) -> Check {
    let too_few = found < fewest as i64;
    let too_many = found > most as i64;
    let (state, evidence) = match (too_few, too_many, others) {
        (false, false, _) => (State::Held, Vec::new()),
        (true, ..) | (_, true, Others::Silent) => (State::Violated, vec![format!("moved by {found}")]),
        (_, true, Others::Publishing) => {
            (State::Held, vec!["others publish to this server: at least is all that can be asked".to_owned()])
        }
        (_, true, Others::Unknown) => {
            (State::Open, vec!["too many topics to tell whether others publish to this server".to_owned()])
        }
    };
    let at_least = if state != State::Violated && too_many { "at least " } else { "" };
    Check {
        what,
        expected: format!("{at_least}+{}", range(fewest, most)),
        found: format!("{found:+}"),
        state,
        evidence,
    }
}

/// `received = unique_processed + duplicate_dropped + dead_letters + skipped +
/// pending`, in every single answer.
fn add_up(stats: &[Stats]) -> Check {
    let against: Vec<_> = stats
        .iter()
        .filter(|stats| stats.pending.is_some_and(|pending| stats.received != stats.settled() + pending))
        .map(|stats| format!("{stats:?}"))
        .collect();
    Check::refuted_by("/stats answers that add up", stats.len(), stats.len() - against.len(), against)
}

fn never_back(stats: &[Stats]) -> Check {
    let counters = |stats: &Stats| {
        [
            ("received", stats.received),
            ("unique_processed", stats.unique_processed),
            ("duplicate_dropped", stats.duplicate_dropped),
            ("conflicts", stats.conflicts),
            ("dead_letters", stats.dead_letters),
            ("redelivered", stats.redelivered),
        ]
    };
    let against: Vec<_> = stats
        .windows(2)
        .flat_map(|pair| counters(&pair[0]).into_iter().zip(counters(&pair[1])))
        .filter(|(before, after)| after.1 < before.1)
        .map(|(before, after)| format!("{} went from {} to {}", before.0, before.1, after.1))
        .collect();
    Check::refuted_by("counters that went back", 0, against.len(), against)
}
