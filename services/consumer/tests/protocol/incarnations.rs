//! What becomes of a log that loses its end, and of what is suspected of it.

use crate::log::PARTITIONS;
use crate::model::{Noted, Protocol, State};
use crate::process::incarnation;

use consumer::partitions::Partitions;

impl Protocol {
    /// The partition loses its end. Who has read of it, and knows from which leader, notices.
    pub(crate) fn cut(&self, state: &mut State, partition: usize) {
        let Some(refill) = self.log().refill(partition) else { return };
        state.is_cut[partition] = true;
        state.high[partition] = refill.from;
        state.tampered = true;
        for one in &mut state.consumers {
            one.is_cut_off[partition] |= one.follows[partition];
        }
    }

    /// Whoever finds out first opens it; the others find it open.
    pub(crate) fn open_next_incarnation(&self, state: &mut State, consumer: usize) {
        let one = &mut state.consumers[consumer];
        one.is_another_log = false;
        one.act(self.decisions(), Partitions::restart_all);
        if one.log_id() == state.database.newest {
            if state.database.newest > 1 || !(0..PARTITIONS).any(|p| self.has_lost(state, p)) {
                state.noted = Noted::FalseAlarm;
                return;
            }
            state.database.newest += 1;
        }
        self.hear(state, consumer);
    }

    pub(crate) fn hear(&self, state: &mut State, consumer: usize) {
        let newest = incarnation(state.database.newest);
        state.consumers[consumer].act(self.decisions(), |partitions| partitions.adopt(Some(newest)));
    }

    /// The offset that an api got for a new record; where it errs, the first one.
    pub(crate) fn suspect(&self, state: &mut State, partition: usize) {
        state.suspicion_left[partition] = false;
        let offset = self.log().refill(partition).map_or(0, |refill| refill.from);
        if let Some(row) = &mut state.database.incarnation_mut(1).progress[partition] {
            row.suspected = Some(row.suspected.map_or(offset, |before| before.min(offset)));
        }
    }
}

/// What was suspected has been read and stored.
pub(crate) fn trust(state: &mut State, consumer: usize) {
    let one = &mut state.consumers[consumer];
    for (partition, offset) in one.settled_suspicions() {
        if let Some(row) = &mut state.database.incarnation_mut(one.log_id()).progress[partition as usize] {
            row.suspected = row.suspected.filter(|found| *found != offset);
        }
        one.suspect_no_more(partition);
    }
}
