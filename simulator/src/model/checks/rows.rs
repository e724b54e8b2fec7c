//! Kept, once, unchanged.

use std::collections::{HashMap, HashSet};

use crate::model::facts::Facts;
use crate::model::{Case, Check, Content, IdIndex};

pub(in crate::model) fn rows(case: &Case<'_>, facts: &Facts) -> Vec<Check> {
    let mut checks = vec![kept(case, facts), nothing_else(case, facts), once(case, facts), unchanged(case, facts)];
    // A new incarnation begins at offset 0 again.
    if !case.nature().new_incarnation {
        checks.push(in_order(case));
    }
    if case.observed.single_reads > 0 {
        let right = case.observed.single_reads - case.observed.single_reads_differ.len();
        let against = case.observed.single_reads_differ.clone();
        checks.push(Check::refuted_by("events read one by one", case.observed.single_reads, right, against));
    }
    checks
}

fn kept(case: &Case<'_>, facts: &Facts) -> Check {
    let lost = lost_with_the_log(case, facts);
    let promised: Vec<_> =
        (0..case.ledger.len()).filter(|id| facts.copies_of_id[*id].0 > 0 && !lost.contains(id)).collect();
    let missing: Vec<_> =
        promised.iter().filter(|id| facts.rows[**id].is_empty()).map(|id| case.ledger.name(case.plan, *id)).collect();
    Check::refuted_by("acknowledged events there", promised.len(), promised.len() - missing.len(), missing)
}

/// Ids of which every acknowledged copy was taken by retention before it was stored:
/// these, and no others, may be missing. They are counted as skipped.
fn lost_with_the_log(case: &Case<'_>, facts: &Facts) -> HashSet<IdIndex> {
    let Some(ground_truth) =
        case.observed.ground_truth.as_ref().filter(|ground_truth| !ground_truth.trimmed.is_empty())
    else {
        return HashSet::new();
    };
    let mut lost = HashSet::new();
    let mut elsewhere = HashSet::new();
    for (event, told) in &facts.told {
        let is_gone = told.position.is_some_and(|position| ground_truth.is_trimmed(position));
        if is_gone { &mut lost } else { &mut elsewhere }.insert(case.ledger.id_of(*event));
    }
    &lost - &elsewhere
}

fn nothing_else(case: &Case<'_>, facts: &Facts) -> Check {
    let mut extra = case.observed.strangers.clone();
    let unsent = (0..case.ledger.len()).filter(|id| facts.copies_of_id[*id].1 == 0 && !facts.rows[*id].is_empty());
    extra.extend(unsent.map(|id| format!("{}, of which no request was accepted", case.ledger.name(case.plan, id))));
    Check::refuted_by("events there that nobody sent", 0, extra.len(), extra)
}

fn once(case: &Case<'_>, facts: &Facts) -> Check {
    let repeated: Vec<_> = (0..case.ledger.len())
        .filter(|id| facts.rows[*id].len() > 1)
        .map(|id| format!("{}: {} rows", case.ledger.name(case.plan, id), facts.rows[id].len()))
        .collect();
    Check::refuted_by("ids with more than one row", 0, repeated.len(), repeated)
}

fn unchanged(case: &Case<'_>, facts: &Facts) -> Check {
    let changed: Vec<_> = case
        .observed
        .rows
        .iter()
        .filter_map(|row| match &row.content {
            Content::Altered(difference) => Some(format!("{}: {difference}", case.ledger.name(case.plan, row.id))),
            Content::Of(event) if facts.copies[*event].1 == 0 && facts.copies_of_id[row.id].1 > 0 => {
                Some(format!("{}: bears what was refused", case.ledger.name(case.plan, row.id)))
            }
            Content::Of(_) => None,
        })
        .collect();
    let rows = case.observed.rows.len();
    Check::refuted_by("rows exactly as sent", rows, rows - changed.len(), changed)
}

/// Within a topic rows are listed in log order, so offsets of a partition rise.
fn in_order(case: &Case<'_>) -> Check {
    let mut last: HashMap<(usize, i32), i64> = HashMap::new();
    let mut against = Vec::new();
    for row in &case.observed.rows {
        let topic = case.plan.events[case.ledger.events_of(row.id)[0]].topic;
        let (partition, offset) = row.position;
        if last.insert((topic, partition), offset).is_some_and(|last| last >= offset) {
            against.push(format!(
                "{} at {partition}/{offset} follows a later record",
                case.ledger.name(case.plan, row.id)
            ));
        }
    }
    Check::refuted_by("rows listed out of log order", 0, against.len(), against)
}
