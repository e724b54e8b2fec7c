//! What the history says of each event and id, added up once for all checks.

use super::case::Case;
use super::history::{KnownOutcome, ToldEvent};
use super::row::IdIndex;
use crate::plan::EventIndex;
use crate::server::Outcome;

/// Sums over the whole history.
#[derive(Debug)]
pub(super) struct Facts {
    /// Per event: fewest and most copies in the log.
    pub(super) copies: Vec<(u64, u64)>,
    /// Per id: fewest and most copies in the log, of all its events.
    pub(super) copies_of_id: Vec<(u64, u64)>,
    /// Per id: its rows, as positions in [`super::Observed::rows`].
    pub(super) rows: Vec<Vec<usize>>,
    /// Everything that was told of a single event.
    pub(super) told: Vec<(EventIndex, ToldEvent)>,
    /// Per id: verdicts `stored`.
    pub(super) stored: Vec<u32>,
    /// Per id: verdicts of any kind.
    pub(super) verdicts: Vec<u64>,
}

impl Facts {
    pub(super) fn gather(case: &Case<'_>) -> Self {
        let mut facts = Self {
            copies: vec![(0, 0); case.plan.events.len()],
            copies_of_id: vec![(0, 0); case.ledger.len()],
            rows: vec![Vec::new(); case.ledger.len()],
            told: Vec::new(),
            stored: vec![0; case.ledger.len()],
            verdicts: vec![0; case.ledger.len()],
        };
        for (request, sent) in case.plan.requests.iter().zip(&case.history.requests) {
            let (fewest, most) = sent.times_in_log();
            for event in request.content.events() {
                for sum in [&mut facts.copies[*event], &mut facts.copies_of_id[case.ledger.id_of(*event)]] {
                    *sum = (sum.0 + fewest, sum.1 + most);
                }
            }
            if let KnownOutcome::Acknowledged(told) = &sent.outcome {
                facts.told.extend(request.content.events().iter().copied().zip(told.events.iter().copied()));
            }
        }
        for (event, told) in &facts.told {
            let id = case.ledger.id_of(*event);
            facts.stored[id] += u32::from(told.outcome == Some(Outcome::Stored));
            facts.verdicts[id] += u64::from(told.outcome.is_some());
        }
        for (index, row) in case.observed.rows.iter().enumerate() {
            facts.rows[row.id].push(index);
        }
        facts
    }

    /// Whether it is known how often this id is in the log, with a verdict on each.
    pub(super) fn is_told_all(&self, id: IdIndex) -> bool {
        let (fewest, most) = self.copies_of_id[id];
        fewest == most && self.verdicts[id] == most
    }
}
