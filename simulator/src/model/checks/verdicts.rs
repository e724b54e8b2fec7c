//! The answers' verdicts against the rows, and against each other.

use std::collections::HashMap;

use crate::model::facts::Facts;
use crate::model::history::Position;
use crate::model::{Case, Check, Ledger, Row, ToldEvent};
use crate::plan::{EventIndex, Plan};
use crate::server::Outcome;

pub(in crate::model) fn verdicts(case: &Case<'_>, facts: &Facts) -> Vec<Check> {
    let mut checks = vec![agree_with_rows(case, facts)];
    let nature = case.nature();
    if !nature.rows_vanish {
        checks.push(one_stored(case, facts));
    }
    if !nature.new_incarnation {
        checks.push(places(case, facts));
    }
    checks
}

fn agree_with_rows(case: &Case<'_>, facts: &Facts) -> Check {
    let nature = case.nature();
    let mut against = Vec::new();
    let mut verdicts = 0;
    for (event, told) in &facts.told {
        let id = case.ledger.id_of(*event);
        let row = facts.rows[id].first().map(|row| &case.observed.rows[*row]);
        verdicts += u64::from(told.outcome.is_some());
        // The position of a repeat may be one of the other incarnation.
        let means_nothing = nature.new_incarnation && told.outcome != Some(Outcome::Stored);
        if means_nothing || nature.rows_vanish {
            continue;
        }
        if let Some(wrong) = disagreement(case.plan, *event, *told, row) {
            against.push(format!("{}: {wrong}", case.ledger.name(case.plan, id)));
        }
    }
    let right = verdicts.saturating_sub(against.len() as u64);
    Check::refuted_by("verdicts that agree with the rows", verdicts, right, against)
}

fn disagreement(plan: &Plan, event: EventIndex, told: ToldEvent, row: Option<&Row>) -> Option<String> {
    let outcome = told.outcome?;
    if outcome == Outcome::DeadLetter {
        return Some("a valid event was called a dead letter".to_owned());
    }
    let Some(row) = row else {
        return Some(format!("{outcome:?}, but there is no row"));
    };
    let told_here = told.position == Some(row.position);
    let same_payload = row.event().is_some_and(|first| Ledger::same_payload(plan, first, event));
    match outcome {
        Outcome::Stored if !told_here => {
            Some(format!("stored at {}, but the row is of {:?}", shown(told.position), row.position))
        }
        Outcome::Stored if row.event() != Some(event) => Some("stored, but the row bears another content".to_owned()),
        Outcome::Duplicate | Outcome::Conflict if told_here => {
            Some(format!("{outcome:?} at {:?}, but that record made the row", row.position))
        }
        Outcome::Duplicate if !same_payload => Some("duplicate, but the row bears another payload".to_owned()),
        Outcome::Conflict if same_payload => Some("conflict, but the row bears the same payload".to_owned()),
        Outcome::Duplicate | Outcome::Conflict => is_before(told.position, row.position)
            .then(|| format!("{outcome:?} at {}, which is before the row's {:?}", shown(told.position), row.position)),
        _ => None,
    }
}

fn is_before(told: Option<Position>, row: Position) -> bool {
    told.is_some_and(|(partition, offset)| partition == row.0 && offset < row.1)
}

/// Once where every copy has a verdict, at most once elsewhere.
fn one_stored(case: &Case<'_>, facts: &Facts) -> Check {
    let sent = (0..case.ledger.len()).filter(|id| facts.copies_of_id[*id].1 > 0);
    let against: Vec<_> = sent
        .filter(|id| facts.stored[*id] > 1 || (facts.is_told_all(*id) && facts.stored[*id] == 0))
        .map(|id| {
            let name = case.ledger.name(case.plan, id);
            format!("{name}: {} of {} verdicts say stored", facts.stored[id], facts.verdicts[id])
        })
        .collect();
    Check::refuted_by("ids not called stored exactly once", 0, against.len(), against)
}

/// Two copies are two records: no place in the log is told twice.
fn places(case: &Case<'_>, facts: &Facts) -> Check {
    let mut taken: HashMap<Position, EventIndex> = HashMap::new();
    let mut against = Vec::new();
    for (event, told) in &facts.told {
        let Some(position) = told.position else {
            continue;
        };
        if let Some(other) = taken.insert(position, *event) {
            let (id, other) = (case.ledger.id_of(*event), case.ledger.id_of(other));
            against.push(format!(
                "{position:?}: {} and {}",
                case.ledger.name(case.plan, id),
                case.ledger.name(case.plan, other)
            ));
        }
    }
    Check::refuted_by("log positions told twice", 0, against.len(), against)
}

fn shown(position: Option<Position>) -> String {
    position.map_or_else(|| "a place that was not told".to_owned(), |position| format!("{position:?}"))
}
