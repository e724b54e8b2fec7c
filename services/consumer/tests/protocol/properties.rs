//! What must hold in every state, what must come, and what must be possible at all.

use stateright::{Model, Property};
use store::dedup::Outcome;

use crate::actions::Action;
use crate::database::{Account, Incarnation};
use crate::log::{PARTITIONS, Slot};
use crate::model::{Noted, Protocol, State};
use crate::sometimes::sometimes_properties;

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.beginnings()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.steps(state, actions);
        self.faults(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.act(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        if self.checks_sometimes {
            return sometimes_properties();
        }
        vec![
            Property::always(ONE_ROW, one_row_per_id),
            Property::always(EACH_ONCE, each_record_below_the_fence_is_counted_once),
            Property::always(SUMS, the_counters_add_up),
            Property::always(VERDICTS, every_verdict_agrees_with_the_row),
            Property::always(NEVER_BEYOND, the_group_is_never_beyond_the_database),
            Property::always(SAME_LOG, |_, state: &State| state.noted != Noted::FalseAlarm),
            Property::always(NOTHING_LEFT, nothing_is_left_behind),
            Property::eventually(ALL_STORED, everything_is_stored),
        ]
    }
}

pub(crate) const ONE_ROW: &str = "at most one row per id";
pub(crate) const EACH_ONCE: &str = "below the fence each record is counted once, above it none";
pub(crate) const SUMS: &str = "the counters add up";
pub(crate) const VERDICTS: &str = "every verdict agrees with the row of the id";
pub(crate) const NEVER_BEYOND: &str = "the group's offset is never beyond what is stored, unless it was set";
pub(crate) const SAME_LOG: &str = "the log is never taken for another one";
pub(crate) const NOTHING_LEFT: &str = "where nothing more will happen, everything is stored";
pub(crate) const ALL_STORED: &str = "everything is stored in the end";

fn one_row_per_id(model: &Protocol, state: &State) -> bool {
    let incarnations = &state.database.incarnations;
    let rows = incarnations.iter().flat_map(|incarnation| {
        model.log().all().filter(|slot| incarnation.account(*slot) == Account::Once(Outcome::Stored))
    });
    let mut ids: Vec<char> = rows.filter_map(|slot| model.log().identity(slot)).map(|(id, _)| id).collect();
    let rows = ids.len();
    ids.sort_unstable();
    ids.dedup();
    ids.len() == rows
}

/// Guarantees 2 and 3 by position: what is stored, duplicate, conflict or dead letter is exactly
/// the log below the fence; only what retention has deleted may be missing, or, until that is found out, what
/// stands where something else was stored.
fn each_record_below_the_fence_is_counted_once(model: &Protocol, state: &State) -> bool {
    let incarnation = state.database.incarnation(state.database.newest);
    (0..PARTITIONS).all(|p| {
        let next = incarnation.next(p).unwrap_or(0);
        let is_lost = state.database.newest == 1 && model.has_lost(state, p);
        let is_counted = |slot: Slot| match incarnation.account(slot) {
            Account::Open => slot.1 >= next || slot.1 < state.low[p] || is_lost,
            Account::Once(_) => slot.1 < next,
            Account::Again => false,
        };
        let tape = Protocol::tape(state, p);
        (next <= model.log().len(tape) || is_lost) && model.log().slots(tape).all(is_counted)
    })
}

/// Guarantee 3 by number: `consumed = stored + duplicates + conflicts + dead_letters`, `next - first =
/// consumed + skipped`; and each number is that of the positions.
fn the_counters_add_up(_: &Protocol, state: &State) -> bool {
    state.database.incarnations.iter().all(|incarnation| (0..PARTITIONS).all(|p| adds_up(incarnation, p)))
}

fn adds_up(incarnation: &Incarnation, p: usize) -> bool {
    incarnation.progress[p].is_none_or(|row| {
        let accounts = || incarnation.accounts[p].iter().chain(&incarnation.accounts[p + PARTITIONS]);
        let of = |outcome| accounts().filter(|one| **one == Account::Once(outcome)).count() as i64;
        row.consumed == row.stored + row.duplicates + row.conflicts + row.dead_letters
            && row.next - row.first == row.consumed + row.skipped
            && row.stored == of(Outcome::Stored)
            && row.duplicates == of(Outcome::Duplicate)
            && row.conflicts == of(Outcome::Conflict)
            && row.dead_letters == of(Outcome::DeadLetter)
    })
}

fn every_verdict_agrees_with_the_row(model: &Protocol, state: &State) -> bool {
    let agrees = |incarnation: &Incarnation, slot: Slot| {
        let Some((id, payload)) = model.log().identity(slot) else { return true };
        let row = state.database.row(model.log(), id);
        match incarnation.account(slot) {
            Account::Once(Outcome::Stored | Outcome::Duplicate) => row == Some(payload),
            Account::Once(Outcome::Conflict) => row.is_some_and(|of_row| of_row != payload),
            Account::Once(Outcome::DeadLetter) => model.log().is_poison(slot),
            Account::Once(Outcome::Redelivered) => false,
            Account::Open | Account::Again => true,
        }
    };
    state.database.incarnations.iter().all(|incarnation| model.log().all().all(|slot| agrees(incarnation, slot)))
}

fn the_group_is_never_beyond_the_database(_: &Protocol, state: &State) -> bool {
    state.tampered || (0..PARTITIONS).all(|p| state.group[p].is_none_or(|at| state.database.next(p) >= Some(at)))
}

/// Guarantee 1, as far as a moment can show it: nobody has anything left to do, so what is missing
/// now stays missing.
fn nothing_is_left_behind(model: &Protocol, state: &State) -> bool {
    let mut steps = Vec::new();
    model.steps(state, &mut steps);
    !steps.is_empty() || everything_is_stored(model, state)
}

pub(crate) fn everything_is_stored(model: &Protocol, state: &State) -> bool {
    let incarnation = state.database.incarnation(state.database.newest);
    let is_stored =
        |slot: Slot| matches!(incarnation.account(slot), Account::Once(_)) || slot.1 < state.low[slot.0 % PARTITIONS];
    model.present(state).into_iter().all(is_stored)
        && (0..PARTITIONS).all(|p| incarnation.next(p).unwrap_or(0) == model.log().len(Protocol::tape(state, p)))
}
