//! What becomes of a batch that was not stored: the decision, carried out on the batch. Nothing leaves
//! this file unstored except a batch of a log that is over.

use store::{AppendError, Writer};

use crate::batching::batch::Work;
use crate::planted;
use crate::policy::{Move, Next, after};

/// What is to be done now.
pub(crate) struct Aftermath {
    /// What is to be brought again; the last comes first.
    pub(crate) again: Vec<Work>,
    pub(crate) then: Then,
}

/// What is to be done before anything is brought again.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nothing.
    GoOn,
    /// The batch was stored by an earlier try: progress has moved.
    Moved(Vec<Move>),
    /// These partitions start anew.
    Restart(Vec<i32>),
    /// The log is another one: open its next incarnation, start everything anew.
    OpenNextIncarnation,
    /// Wait.
    Pause {
        /// Whether to go on over another connection.
        reconnect: bool,
    },
}

/// Decides, and changes the batch accordingly. Asks the database whether a good row goes in before any
/// record is blamed.
pub(crate) async fn of(failure: &AppendError, mut work: Work, writer: &mut Writer) -> Aftermath {
    // Only what is refused twice running, so over one connection, is to blame.
    let suspected = std::mem::take(&mut work.suspected);
    let next = after(failure, &work.moves(), work.batch.len(), work.in_doubt);
    let (again, then) = match next {
        Next::Committed => (Vec::new(), Then::Moved(work.moves())),
        Next::Restart(partitions) => (vec![work], Then::Restart(partitions)),
        Next::NextIncarnation => (Vec::new(), Then::OpenNextIncarnation),
        Next::Halve => match work.halve() {
            Ok((first, second)) => (vec![second, first], Then::GoOn),
            Err(whole) => (vec![whole], Then::GoOn),
        },
        Next::Blame(reason) if is_to_blame(&work, writer).await => {
            if suspected {
                tracing::warn!(%failure, "a record can't be stored; {}", work.blame(&reason));
            } else {
                tracing::debug!(%failure, "is the record to blame?");
                // The database may have been mended since it refused the record.
                work.suspected = true;
            }
            (vec![work], Then::GoOn)
        }
        next @ (Next::Again | Next::Wait | Next::WaitInDoubt | Next::Blame(_)) => {
            work.in_doubt |= next == Next::WaitInDoubt;
            (vec![work], Then::Pause { reconnect: next != Next::Again })
        }
    };
    Aftermath { again, then }
}

/// Whether another one goes in where the record of this batch did not.
async fn is_to_blame(work: &Work, writer: &mut Writer) -> bool {
    match work.goes_into() {
        Some(table) => planted::is_to_blame(table) || writer.accepts_a_good_row(table).await,
        None => false,
    }
}
