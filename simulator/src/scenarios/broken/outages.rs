//! What happens to broker and database as a whole.

use super::{flow, moments};
use crate::plan::{Act, Draft, Fault, Who};
use crate::scenarios::Size;

/// The broker goes down and comes back, killed or told to stop.
pub(in crate::scenarios) fn broker_restart(draft: &mut Draft, size: Size) {
    flow(draft, size);
    for (share, act) in moments(draft, 2).into_iter().zip([Act::Kill, Act::Stop]) {
        draft.strike_at(share, Fault::Process(Who::Broker, act));
        draft.then(Fault::Process(Who::Broker, Act::Start));
    }
}

/// The database is killed, and stays away while publishers go on.
pub(in crate::scenarios) fn database_outage(draft: &mut Draft, size: Size) {
    flow(draft, size);
    let from = draft.share(0.1, 0.4);
    draft.strike_at(from, Fault::Process(Who::Database, Act::Kill));
    let away = draft.millis(3_000, 6_000);
    draft.strike_after(away, Fault::Process(Who::Database, Act::Start));
}
