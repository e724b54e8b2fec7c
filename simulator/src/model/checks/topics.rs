//! Counts per topic. The run's topics are its own, so these are exact whoever else
//! publishes to the same server.

use super::range;
use crate::model::facts::Facts;
use crate::model::{Case, Check, Ledger};
use crate::plan::EventIndex;

/// What the rows and the history make of one topic.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    rows: u64,
    fewest: u64,
    most: u64,
    conflicts: u64,
}

pub(in crate::model) fn topics(case: &Case<'_>, facts: &Facts) -> Vec<Check> {
    let due = due(case, facts);
    let (mut stored, mut copies) = (Vec::new(), Vec::new());
    let (mut found_stored, mut found_copies) = (0, 0);
    let mut all = Due::default();
    for (name, due) in case.plan.topics.iter().zip(&due) {
        let counted = case.observed.topics.get(name);
        let (rows, dropped, conflicts) =
            counted.map_or((0, 0, 0), |count| (count.stored, count.duplicates + count.conflicts, count.conflicts));
        if rows != due.rows {
            stored.push(format!("{name}: {rows} counted, {} rows", due.rows));
        }
        let (fewest, most) = (due.fewest.saturating_sub(rows), due.most.saturating_sub(rows));
        if !(fewest..=most).contains(&dropped) {
            copies.push(format!("{name}: {dropped} dropped, not {}", range(fewest, most)));
        } else if due.fewest == due.most && conflicts != due.conflicts {
            copies.push(format!("{name}: {conflicts} conflicts, not {}", due.conflicts));
        }
        (found_stored, found_copies) = (found_stored + rows, found_copies + dropped);
        all = Due { rows: all.rows + due.rows, fewest: all.fewest + fewest, most: all.most + most, ..all };
    }
    let nature = case.nature();
    if nature.rows_vanish {
        return Vec::new();
    }
    let mut checks = vec![Check::refuted_by("stored, counted per topic", all.rows, found_stored, stored)];
    // What a new incarnation still holds is counted a second time, what retention took never.
    let trimmed = case.observed.ground_truth.as_ref().is_some_and(|ground_truth| !ground_truth.trimmed.is_empty());
    if !nature.new_incarnation && !trimmed {
        checks.push(Check::refuted_by("dropped, counted per topic", range(all.fewest, all.most), found_copies, copies));
    }
    checks
}

/// Copies that bear another payload than their row; exact where it is known how
/// often each event is in the log.
pub(super) fn conflicts(case: &Case<'_>, facts: &Facts) -> u64 {
    due(case, facts).iter().map(|due| due.conflicts).sum()
}

fn due(case: &Case<'_>, facts: &Facts) -> Vec<Due> {
    let mut due = vec![Due::default(); case.plan.topics.len()];
    for (event, (fewest, most)) in case.plan.events.iter().zip(&facts.copies) {
        due[event.topic].fewest += fewest;
        due[event.topic].most += most;
    }
    for row in &case.observed.rows {
        let events = case.ledger.events_of(row.id);
        let due = &mut due[case.plan.events[events[0]].topic];
        due.rows += 1;
        let differs =
            |event: &EventIndex| row.event().is_none_or(|first| !Ledger::same_payload(case.plan, first, *event));
        due.conflicts += events.iter().filter(|event| differs(event)).map(|event| facts.copies[*event].1).sum::<u64>();
    }
    due
}
