//! What a scenario must get to see, or it would prove nothing about it.

use consumer::policy::Seen;
use stateright::Property;

use crate::database::{Account, Progress};
use crate::log::{PARTITIONS, Slot};
use crate::model::{Noted, Protocol, State};
use crate::work::{Piece, Work};

pub(crate) const ZOMBIE: &str = "both consumers are about to store the same partition";
pub(crate) const OVERTAKEN: &str = "a batch finds its fence ahead";
pub(crate) const BEHIND: &str = "a batch finds its fence behind";
pub(crate) const DOUBT_RESOLVED: &str = "a batch in doubt turns out to be stored";
pub(crate) const DOUBT_REPEATED: &str = "a batch in doubt turns out not to be stored";
pub(crate) const BLOCKED: &str = "a batch waits for a COMMIT without an answer";
pub(crate) const REDELIVERED: &str = "a record is redelivered";
pub(crate) const GROUP_BEYOND: &str = "the group's offset is beyond what is stored";
pub(crate) const CONFLICT: &str = "a conflict is counted";
pub(crate) const SKIPPED: &str = "an offset without a record is skipped";
pub(crate) const TRIMMED: &str = "a record that was deleted before it was read is skipped";
pub(crate) const DEAD_LETTER: &str = "a record becomes a dead letter";
pub(crate) const HALVES: &str = "a batch is stored in parts";
pub(crate) const LOST: &str = "the log holds other records where some were stored, and is as long as before";
pub(crate) const NEXT_INCARNATION: &str = "the log has another incarnation";
pub(crate) const SUSPECTED: &str = "what is suspected is read again";

pub(crate) const LOOKED_AGAIN: &str = "a log that seemed cut is looked at a second time";

pub(crate) fn sometimes_properties() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes(ZOMBIE, |_, state: &State| {
            let is_about = |p: usize| state.consumers.iter().all(|one| one.stack.iter().any(|w| w.pieces[p].is_some()));
            (0..PARTITIONS).any(is_about)
        }),
        Property::sometimes(OVERTAKEN, |_, state| any_piece(state, |piece, found| found > Some(piece.expected))),
        Property::sometimes(BEHIND, |_, state| any_piece(state, |piece, found| found < Some(piece.expected))),
        Property::sometimes(DOUBT_RESOLVED, |_, state: &State| state.noted == Noted::DoubtResolved),
        Property::sometimes(DOUBT_REPEATED, |_, state| {
            any_in_doubt(state, |piece, found| found == Some(piece.expected) && piece.end_offset > piece.expected)
        }),
        Property::sometimes(BLOCKED, |model: &Protocol, state: &State| {
            works(state).any(|work| model.is_blocked(state, work))
        }),
        Property::sometimes(REDELIVERED, |_, state| any_row(state, |row| row.redelivered > 0)),
        Property::sometimes(GROUP_BEYOND, |_, state: &State| {
            (0..PARTITIONS).any(|p| state.group[p].is_some() && state.group[p] > state.database.next(p))
        }),
        Property::sometimes(CONFLICT, |_, state| any_row(state, |row| row.conflicts > 0)),
        Property::sometimes(SKIPPED, |_, state| any_row(state, |row| row.skipped > 0)),
        Property::sometimes(TRIMMED, |model: &Protocol, state: &State| {
            let incarnation = state.database.incarnation(1);
            let is_lost = |slot: Slot| {
                incarnation.account(slot) == Account::Open && Some(slot.1) < incarnation.next(slot.0 % PARTITIONS)
            };
            model.present(state).into_iter().any(is_lost)
        }),
        Property::sometimes(LOOKED_AGAIN, |_, state: &State| {
            let is_short = |seen| matches!(seen, Some(Seen::Short { .. }));
            state.consumers.iter().any(|one| (0..PARTITIONS).any(|p| is_short(one.seen(p))))
        }),
        Property::sometimes(DEAD_LETTER, |_, state| any_row(state, |row| row.dead_letters > 0)),
        Property::sometimes(LOST, |model: &Protocol, state: &State| {
            let is_filled = |p: usize| Some(state.high[p]) >= state.database.incarnation(1).next(p);
            (0..PARTITIONS).any(|p| model.has_lost(state, p) && is_filled(p))
        }),
        Property::sometimes(NEXT_INCARNATION, |_, state: &State| state.database.newest > 1),
        Property::sometimes(SUSPECTED, |_, state: &State| {
            state.consumers.iter().any(|one| !one.settled_suspicions().is_empty())
        }),
        Property::sometimes(HALVES, |_, state: &State| state.consumers.iter().any(|one| one.stack.len() > 1)),
    ]
}

fn works(state: &State) -> impl Iterator<Item = &Work> {
    state.consumers.iter().filter_map(|one| one.stack.last())
}

fn any_piece(state: &State, is: fn(Piece, Option<i64>) -> bool) -> bool {
    works(state).any(|work| work.parts().any(|(p, piece)| is(piece, state.database.next(p))))
}

fn any_in_doubt(state: &State, is: fn(Piece, Option<i64>) -> bool) -> bool {
    let is_settled = |work: &&Work| work.in_doubt && state.pending.is_none();
    works(state).filter(is_settled).any(|work| work.parts().all(|(p, piece)| is(piece, state.database.next(p))))
}

fn any_row(state: &State, is: fn(&Progress) -> bool) -> bool {
    state.database.incarnations.iter().flat_map(|incarnation| &incarnation.progress).flatten().any(is)
}
