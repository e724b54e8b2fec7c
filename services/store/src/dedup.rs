//! Where a duplicate is recognised: which records of a batch are repeats, and which ones the database must answer
//! for. Pure.
//!
//! [`classify`] decides before the database is asked. The database then inserts or compares the rest, in
//! `append/insert.rs`. [`resolve`] puts both together into one [`Outcome`] per record, and `append/count.rs` counts
//! these outcomes. Each batch is classified anew, and so is each half of a batch that was split.

use std::collections::hash_map::Entry as Slot;

use crate::batch::{Batch, What};
use crate::planted;
use crate::recent::{ByHash, Fingerprint, Fingerprints, Recent};

/// What to do with one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Below the fence: verify that it is stored, count as redelivered.
    Redelivered,
    /// Write to `dead_letters`.
    DeadLetter,
    /// Insert; if that adds no row, compare with the row that is there.
    Insert(Fingerprint),
    /// The batch inserts another record of this id: compare with whatever row there is then.
    Compare(Fingerprint),
    /// Byte for byte what record `of` of this batch is: shares its outcome.
    Copy {
        /// Index of the first of its kind.
        of: usize,
    },
    /// Byte for byte what this session has committed: a duplicate.
    Known,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Read again; counted before.
    Redelivered,
    /// A new row.
    Stored,
    /// A repeat of a stored event: same key, equal payload.
    Duplicate,
    /// Same key as a stored event, another payload.
    Conflict,
    /// Can't be stored; kept in `dead_letters`.
    DeadLetter,
}

/// Decides about every record of the batch, in the order of [`Batch::entries`].
#[must_use]
pub fn classify(batch: &Batch, recent: &Recent, fingerprints: &Fingerprints) -> Vec<Disposition> {
    let mut firsts: ByHash<Firsts> = ByHash::default();
    let mut dispositions = Vec::with_capacity(batch.len());
    for (index, (_, redelivered, entry)) in batch.entries().enumerate() {
        dispositions.push(match &entry.what {
            _ if redelivered => Disposition::Redelivered,
            What::DeadLetter(_) => Disposition::DeadLetter,
            What::Event(event) => {
                let print = fingerprints.of(event);
                if recent.holds(print) { Disposition::Known } else { among(&mut firsts, print, index) }
            }
        });
    }
    dispositions
}

/// The first records of one id in a batch, one per payload. Nearly always just one.
struct Firsts {
    first: (u128, usize),
    others: Vec<(u128, usize)>,
}

fn among(firsts: &mut ByHash<Firsts>, print: Fingerprint, index: usize) -> Disposition {
    match firsts.entry(print.key) {
        Slot::Vacant(slot) => {
            slot.insert(Firsts { first: (print.payload, index), others: Vec::new() });
            Disposition::Insert(print)
        }
        Slot::Occupied(mut slot) => {
            let seen = slot.get_mut();
            let same = std::iter::once(&seen.first).chain(&seen.others).find(|(payload, _)| *payload == print.payload);
            if let Some(&(_, of)) = same {
                return Disposition::Copy { of };
            }
            seen.others.push((print.payload, index));
            Disposition::Compare(print)
        }
    }
}

/// The outcomes, once the database has answered for those that are to be [inserted](Disposition::Insert) and
/// [compared](Disposition::Compare): `answered` holds theirs and is ignored for the rest.
#[must_use]
pub fn resolve(dispositions: &[Disposition], answered: &[Outcome]) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(dispositions.len());
    for (index, disposition) in dispositions.iter().enumerate() {
        outcomes.push(match disposition {
            Disposition::Redelivered if planted::redelivered_is_duplicate() => Outcome::Duplicate,
            Disposition::Redelivered => Outcome::Redelivered,
            Disposition::DeadLetter => Outcome::DeadLetter,
            Disposition::Known => Outcome::Duplicate,
            Disposition::Insert(_) | Disposition::Compare(_) => answered[index],
            // The one it repeats comes earlier, so its outcome is known; the first of its kind
            // was stored, its copy adds nothing.
            Disposition::Copy { of } => match outcomes[*of] {
                Outcome::Stored => Outcome::Duplicate,
                inherited => inherited,
            },
        });
    }
    outcomes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Outcome::{Conflict, Duplicate, Stored};
    use super::*;
    use crate::batch::{DeadLetter, Entry, Raw, Slice};
    use event::Event;

    fn event(id: &str, payload: &str) -> What {
        let json = format!(
            r#"{{"topic":"t","event_id":"{id}","source":"s","timestamp":"2025-01-01T00:00:00Z","payload":{payload}}}"#
        );
        What::Event(Event::parse(json.as_bytes()).unwrap())
    }

    fn dead() -> What {
        What::DeadLetter(Box::new(DeadLetter { reason: "no value".to_owned(), raw: Raw::default() }))
    }

    fn batch(expected: i64, whats: Vec<What>) -> Batch {
        let entries: Vec<Entry> = (0..).zip(whats).map(|(offset, what)| Entry { offset, what }).collect();
        let end_offset = entries.len() as i64;
        let slice = Slice { partition: 0, expected, end_offset, entries, witness: None, vouched_below: 0 };
        Batch { log_id: 1, slices: vec![slice] }
    }

    fn classified(batch: &Batch, recent: &Recent, prints: &Fingerprints) -> Vec<&'static str> {
        classify(batch, recent, prints).iter().map(name).collect()
    }

    fn name(disposition: &Disposition) -> &'static str {
        match disposition {
            Disposition::Redelivered => "redelivered",
            Disposition::DeadLetter => "dead letter",
            Disposition::Insert(_) => "insert",
            Disposition::Compare(_) => "compare",
            Disposition::Copy { .. } => "copy",
            Disposition::Known => "known",
        }
    }

    #[test]
    fn one_insert_per_id_one_comparison_per_other_payload_none_per_copy() {
        let batch = batch(
            0,
            vec![
                event("a", "{}"),
                event("a", "{}"),
                event("a", r#"{"x":1}"#),
                event("b", "{}"),
                event("a", r#"{"x":1}"#),
                dead(),
            ],
        );
        let dispositions = classified(&batch, &Recent::new(0), &Fingerprints::default());
        assert_eq!(dispositions, ["insert", "copy", "compare", "insert", "copy", "dead letter"]);
    }

    #[test]
    fn what_lies_below_the_fence_is_redelivered_and_leads_nothing() {
        let batch = batch(1, vec![event("a", "{}"), event("a", "{}"), event("a", "{}")]);
        let dispositions = classified(&batch, &Recent::new(0), &Fingerprints::default());
        assert_eq!(dispositions, ["redelivered", "insert", "copy"]);
    }

    #[test]
    fn equal_bytes_that_this_session_committed_need_no_database() {
        let (prints, mut recent) = (Fingerprints::default(), Recent::new(10));
        let What::Event(committed) = event("a", r#"{"x":1}"#) else { unreachable!() };
        recent.remember(prints.of(&committed));
        let batch = batch(0, vec![event("a", r#"{"x":1}"#), event("a", r#"{"x": 1}"#), event("a", r#"{"x":2}"#)]);
        assert_eq!(classified(&batch, &recent, &prints), ["known", "insert", "compare"]);
    }

    #[test]
    fn a_copy_inherits_stored_as_duplicate_and_conflict_as_conflict() {
        let batch = batch(
            0,
            vec![
                event("a", "{}"),
                event("a", "{}"),
                event("b", "{}"),
                event("b", "{}"),
                event("c", "{}"),
                event("c", "{}"),
            ],
        );
        let dispositions = classify(&batch, &Recent::new(0), &Fingerprints::default());
        let answered = [Stored, Stored, Conflict, Stored, Duplicate, Stored];
        let outcomes = resolve(&dispositions, &answered);
        assert_eq!(outcomes, [Stored, Duplicate, Conflict, Conflict, Duplicate, Duplicate]);
    }
}
