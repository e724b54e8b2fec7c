//! Answers that are lost: what was asked for may have happened or not.

use super::rounds;
use crate::plan::{Break, Draft, Fault, Link};
use crate::proxy::{Call, Trap};
use crate::scenarios::Size;

/// Connections are cut at a COMMIT, before or after it was carried out.
pub(in crate::scenarios) fn lost_commit_answer(draft: &mut Draft, size: Size) {
    losing(draft, size, (Link::ConsumersToDatabase, Call::Commit));
}

/// Connections are cut at a Produce, before or after the records were appended.
pub(in crate::scenarios) fn lost_ack(draft: &mut Draft, size: Size) {
    losing(draft, size, (Link::Broker, Call::Produce));
}

fn losing(draft: &mut Draft, size: Size, (link, call): (Link, Call)) {
    rounds(draft, size, 6, |draft, round, moment| {
        let trap = if round % 2 == 0 { Trap::CutAfter } else { Trap::CutBefore };
        draft.inject_when(moment, Fault::Link(link, Break::Lay(call, trap)));
        draft.then(Fault::Link(link, Break::Sprung));
    });
}
