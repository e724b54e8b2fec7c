//! What happens when more is published than there is room for.

use super::flow;
use crate::plan::{Break, Draft, Expect, Fault, Link};
use crate::proxy::{Call, Trap};
use crate::scenarios::Size;

/// Room for one large request or a few small ones, more than that at once, and a log
/// that confirms nothing for a while: most requests are refused with 429, and come again.
pub(in crate::scenarios) fn overload(draft: &mut Draft, size: Size) {
    let room = "30".to_owned();
    draft.setting().variables.extend([("QUEUE_MAX_SIZE", room.clone()), ("PUBLISH_MAX_EVENTS", room)]);
    flow(draft, size);
    for share in super::moments(draft, 3) {
        draft.inject_at(share, Fault::Link(Link::Broker, Break::Lay(Call::Produce, Trap::Hold)));
        draft.then(Fault::Link(Link::Broker, Break::Sprung));
        let held = draft.millis(300, 1_500);
        draft.inject_after(held, Fault::Link(Link::Broker, Break::Release));
    }
    draft.expect(Expect::SentAgain);
}
