//! What planted bugs do in this crate, all of it. Each place that can be broken has one line, and
//! without the feature `planted` it does nothing.

use broker::stall::Stall;
use planted::{Bug, Place, on, panic_at};
use store::{Entry, Slice, Standing, Table, What, Writer};

use crate::command::Command;
use crate::policy::{self, Known, Move, Proof, Start};
use crate::reading::gap_detector::GapDetector;

/// [`Bug::StartAtGroupOffset`]: the group's offset is taken for progress. [`Bug::WitnessNotCompared`]: the
/// last record that was stored is not read.
pub(crate) fn known(mut known: Known) -> Known {
    if on(Bug::StartAtGroupOffset) {
        known = Known { next: known.committed.or(known.next), witness: None, first: None, ..known };
    }
    if on(Bug::WitnessNotCompared) {
        known.witness = None;
    }
    known
}

/// [`Bug::StartAtGroupOffset`]: progress is never compared.
pub(crate) fn no_drift_is_seen() -> bool {
    on(Bug::StartAtGroupOffset)
}

/// [`Bug::CommitBeforeStore`]: reading starts at the group's offset. [`Bug::OneLookIsBelieved`]: there is no
/// second look.
pub(crate) fn start(start: Start, known: Known) -> Start {
    match start {
        Start::Resume { at, next, .. } if on(Bug::CommitBeforeStore) => {
            Start::Resume { at: known.committed.unwrap_or(at), next, witness: None, suspected: None }
        }
        Start::LookAgain(seen) if on(Bug::OneLookIsBelieved) => policy::start(Known { seen: Some(seen), ..known }),
        start => start,
    }
}

/// [`Bug::OutOfRangeRestartsAll`]: one partition that is out of range starts all of them anew, at once.
pub(crate) fn out_of_range_restarts_all() -> bool {
    on(Bug::OutOfRangeRestartsAll)
}

/// [`Bug::IdAdoptedUnseen`]: nobody compares what the log shows with what was stored.
pub(crate) fn proof(proof: Proof) -> Proof {
    if on(Bug::IdAdoptedUnseen) { Proof::Same } else { proof }
}

/// [`Bug::CommitBeforeStore`]: the group is told before the batch is stored.
pub(crate) fn committed_first(moves: &[Move]) -> Vec<Command> {
    if on(Bug::CommitBeforeStore) {
        vec![Command::Commit(moves.iter().map(|one| (one.partition, one.end_offset)).collect())]
    } else {
        Vec::new()
    }
}

/// [`Bug::PoisonSwallowed`]: what is no event is left out.
pub(crate) fn swallow_poison(entries: &mut Vec<Entry>) {
    entries.retain(|entry| !on(Bug::PoisonSwallowed) || matches!(entry.what, What::Event(_)));
}

/// [`Bug::ProgressPastDropped`]: orders wait while there is something to read.
pub(crate) fn orders_wait(arrived: bool) -> bool {
    arrived && on(Bug::ProgressPastDropped)
}

/// [`Bug::ProgressPastDropped`]: of a partition that was given up, the rows are dropped, and its progress
/// is moved all the same.
pub(crate) fn drops_rows_only(slice: &mut Slice, is_owned: bool) -> bool {
    let drops = on(Bug::ProgressPastDropped) && !is_owned;
    if drops {
        slice.entries.clear();
    }
    drops
}

/// [`Bug::StandstillUnseen`]: whatever stands still is passed over.
pub(crate) fn stalls(stalls: Vec<Stall>) -> Vec<Stall> {
    if on(Bug::StandstillUnseen) { Vec::new() } else { stalls }
}

/// [`Bug::CopyNotNoticed`]: any copy of the database is taken for the one that is worked with.
pub(crate) fn standing(standing: Standing) -> Standing {
    if on(Bug::CopyNotNoticed) { Standing::Same } else { standing }
}

/// [`Bug::UnreadableIsAGap`]: what can't be read is passed at once, as if there were no record.
pub(crate) fn passes_as_empty(detector: &mut GapDetector) -> bool {
    let passes = on(Bug::UnreadableIsAGap);
    if passes {
        detector.pass_as_empty();
    }
    passes
}

/// [`Bug::UnreadableSkippedAtOnce`]: nobody tries it again, and nobody else is asked.
pub(crate) fn unreadable_is_skipped_at_once() -> bool {
    on(Bug::UnreadableSkippedAtOnce)
}

/// [`Bug::BytesLeftOutAtOnce`]: no other dead letter is tried.
pub(crate) fn is_to_blame(into: Table) -> bool {
    into == Table::DeadLetters && on(Bug::BytesLeftOutAtOnce)
}

/// [`Place::Writer`]: a writer panics, with its connection's settings at hand.
#[track_caller]
pub(crate) fn panics(writer: &Writer) {
    panic_at(Place::Writer, writer);
}
