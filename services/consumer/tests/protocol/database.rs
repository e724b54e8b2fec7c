//! The database of the model, and the one transaction. What to insert and what became of each
//! record is decided by the store's own code; what SQL does is said again.

use store::dedup::{Disposition, Outcome};
use store::recent::{Fingerprints, Recent};
use store::{AppendError, Found, LogId, Witness};

use crate::decisions::Decisions;
use crate::log::{LONGEST, Log, PARTITIONS, Slot, TAPES};
use crate::work::{Piece, Work};

/// Incarnations of the log, at most.
pub(crate) const INCARNATIONS: usize = 2;

/// What became of a position, over all transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    /// Not counted yet.
    #[default]
    Open,
    /// Counted once.
    Once(Outcome),
    /// Counted more than once.
    Again,
}

/// One row of `progress`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Progress {
    pub(crate) first: i64,
    pub(crate) next: i64,
    pub(crate) consumed: i64,
    pub(crate) stored: i64,
    pub(crate) duplicates: i64,
    pub(crate) conflicts: i64,
    pub(crate) dead_letters: i64,
    pub(crate) skipped: i64,
    pub(crate) redelivered: i64,
    pub(crate) witness: Option<Witness>,
    pub(crate) suspected: Option<i64>,
}

/// What the database holds of one incarnation of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Incarnation {
    pub(crate) progress: [Option<Progress>; PARTITIONS],
    pub(crate) accounts: [[Account; LONGEST]; TAPES],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    pub(crate) incarnations: [Incarnation; INCARNATIONS],
    /// The newest incarnation.
    pub(crate) newest: LogId,
}

impl Default for Database {
    fn default() -> Self {
        Database { incarnations: Default::default(), newest: 1 }
    }
}

/// Records whose events a connection has seen committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Remembered([u8; TAPES]);

/// How a transaction is carried out.
pub(crate) struct Rules {
    pub(crate) log: Log,
    pub(crate) decisions: Decisions,
    pub(crate) fingerprints: Fingerprints,
    /// Keys that a connection remembers, at most.
    pub(crate) recent_keys: usize,
}

impl Database {
    pub(crate) fn incarnation(&self, log_id: LogId) -> &Incarnation {
        &self.incarnations[log_id as usize - 1]
    }

    pub(crate) fn incarnation_mut(&mut self, log_id: LogId) -> &mut Incarnation {
        &mut self.incarnations[log_id as usize - 1]
    }

    /// Where the partition's fence stands, in the newest incarnation.
    pub(crate) fn next(&self, partition: usize) -> Option<i64> {
        self.incarnation(self.newest).next(partition)
    }

    /// The payload of the id's row. An event's row bears the position of the record that made it.
    pub(crate) fn row(&self, log: &Log, id: char) -> Option<u8> {
        let is_row = |slot: &Slot| {
            self.incarnations.iter().any(|incarnation| incarnation.account(*slot) == Account::Once(Outcome::Stored))
        };
        let rows = log.all().filter(is_row);
        rows.filter_map(|slot| log.identity(slot)).find(|(of, _)| *of == id).map(|(_, payload)| payload)
    }

    /// Everything counted, in one transaction.
    fn with(&self, work: &Work, log: &Log, outcomes: &[Outcome]) -> Database {
        let mut after = self.clone();
        let mut rest = outcomes;
        for (p, piece) in work.parts() {
            let (mine, others) = rest.split_at(piece.offsets().count());
            rest = others;
            let incarnation = after.incarnation_mut(work.log_id);
            incarnation.count(p, (piece, piece.witness(log)), mine);
            for (offset, &outcome) in piece.offsets().zip(mine) {
                if outcome != Outcome::Redelivered {
                    incarnation.note(log.slot(piece.tape, offset), outcome);
                }
            }
        }
        after
    }
}

impl Incarnation {
    pub(crate) fn next(&self, partition: usize) -> Option<i64> {
        self.progress[partition].map(|row| row.next)
    }

    pub(crate) fn account(&self, (tape, offset): Slot) -> Account {
        self.accounts[tape][offset as usize]
    }

    /// `INSERT … ON CONFLICT DO NOTHING`.
    pub(crate) fn begin(&mut self, partition: usize, at: i64) {
        self.progress[partition].get_or_insert(Progress { first: at, next: at, ..Progress::default() });
    }

    fn note(&mut self, (tape, offset): Slot, outcome: Outcome) {
        let account = &mut self.accounts[tape][offset as usize];
        *account = if *account == Account::Open { Account::Once(outcome) } else { Account::Again };
    }

    fn count(&mut self, partition: usize, (piece, witness): (Piece, Option<Witness>), outcomes: &[Outcome]) {
        let Some(row) = &mut self.progress[partition] else { return };
        let of = |outcome| outcomes.iter().filter(|one| **one == outcome).count() as i64;
        let consumed = outcomes.len() as i64 - of(Outcome::Redelivered);
        row.skipped += piece.end_offset - row.next - consumed;
        row.next = piece.end_offset;
        row.consumed += consumed;
        row.stored += of(Outcome::Stored);
        row.duplicates += of(Outcome::Duplicate);
        row.conflicts += of(Outcome::Conflict);
        row.dead_letters += of(Outcome::DeadLetter);
        row.redelivered += of(Outcome::Redelivered);
        row.witness = witness.or(row.witness);
    }
}

impl Rules {
    /// The one transaction: the database after it, and what the connection remembers then.
    pub(crate) fn transact(
        &self,
        before: &Database,
        work: &Work,
        remembered: Remembered,
    ) -> Result<(Database, Remembered), AppendError> {
        self.fence(before, work)?;
        let batch = work.batch(&self.log);
        let dispositions = (self.decisions.classify)(&batch, &self.recent(remembered), &self.fingerprints);
        self.verify_redelivered(before, work)?;
        let mut after = before.clone();
        let answered = self.insert_and_compare(&mut after, work, &dispositions)?;
        let outcomes = (self.decisions.resolve)(&dispositions, &answered);
        Ok((before.with(work, &self.log, &outcomes), self.remember(remembered, work, (&dispositions, &outcomes))))
    }

    fn fence(&self, database: &Database, work: &Work) -> Result<(), AppendError> {
        let incarnation = database.incarnation(work.log_id);
        let holds = |(p, piece): (usize, Piece)| {
            (self.decisions.fence_holds)(piece.expected, incarnation.next(p), work.in_doubt)
        };
        if work.parts().all(holds) {
            return Ok(());
        }
        let found = |(p, _)| Found { partition: p as i32, next_offset: incarnation.next(p) };
        Err(AppendError::FenceMiss(work.parts().map(found).collect()))
    }

    /// What lies below the fence must have left its trace.
    fn verify_redelivered(&self, database: &Database, work: &Work) -> Result<(), AppendError> {
        for (p, piece) in work.parts() {
            for offset in piece.offsets().filter(|offset| *offset < piece.expected) {
                let slot = self.log.slot(piece.tape, offset);
                let is_there = self.has_left_a_trace(database, work.log_id, slot);
                if !is_there.unwrap_or_else(|| (self.decisions.vouches)(piece.vouched_below, offset)) {
                    return Err(AppendError::AnotherLog { partition: p as i32, offset });
                }
            }
        }
        Ok(())
    }

    /// At its position, or a row of its key; none if it has left nothing. What lies at the position may be
    /// another record's.
    fn has_left_a_trace(&self, database: &Database, log_id: LogId, slot: Slot) -> Option<bool> {
        let p = slot.0 % PARTITIONS;
        let has_left = |slot: &Slot| match database.incarnation(log_id).account(*slot) {
            Account::Once(outcome) => outcome != Outcome::Duplicate,
            Account::Open | Account::Again => false,
        };
        let id = |slot| self.log.identity(slot).map(|(id, _)| id);
        if let Some(of) = [slot, (p, slot.1), (p + PARTITIONS, slot.1)].into_iter().find(has_left) {
            return Some(id(of) == id(slot));
        }
        id(slot).and_then(|id| database.row(&self.log, id)).map(|_| true)
    }

    /// First all insertions, then all judgements, as the store's statements do.
    fn insert_and_compare(
        &self,
        database: &mut Database,
        work: &Work,
        dispositions: &[Disposition],
    ) -> Result<Vec<Outcome>, AppendError> {
        let mut answers = vec![Outcome::Stored; dispositions.len()];
        let mut to_judge = Vec::new();
        for ((index, slot), disposition) in work.slots(&self.log).enumerate().zip(dispositions) {
            let Some((id, payload)) = self.log.identity(slot) else { continue };
            if !matches!(disposition, Disposition::Insert(_) | Disposition::Compare(_)) {
                continue;
            }
            if self.log.is_poison(slot) {
                return Err(AppendError::Refused { code: "22P05".to_owned(), message: "unsupported".to_owned() });
            }
            let has_row = database.row(&self.log, id).is_some();
            if matches!(disposition, Disposition::Insert(_)) && (self.decisions.inserts)(has_row) {
                database.incarnation_mut(work.log_id).note(slot, Outcome::Stored);
            } else {
                to_judge.push((index, id, payload));
            }
        }
        for (index, id, payload) in to_judge {
            let same = database.row(&self.log, id) == Some(payload);
            answers[index] = if same { Outcome::Duplicate } else { Outcome::Conflict };
        }
        Ok(answers)
    }

    fn recent(&self, remembered: Remembered) -> Recent {
        let mut recent = Recent::new(self.recent_keys);
        for slot in self.log.all().filter(|&(tape, offset)| remembered.0[tape] & 1 << offset != 0) {
            if let Some(event) = self.log.event(slot) {
                recent.remember(self.fingerprints.of(event));
            }
        }
        recent
    }

    /// Only what the database itself has answered for, and only with the payload of its row.
    fn remember(
        &self,
        mut remembered: Remembered,
        work: &Work,
        (dispositions, outcomes): (&[Disposition], &[Outcome]),
    ) -> Remembered {
        if self.recent_keys == 0 {
            return remembered;
        }
        for ((slot, disposition), outcome) in work.slots(&self.log).zip(dispositions).zip(outcomes) {
            if let (Disposition::Insert(_) | Disposition::Compare(_), Outcome::Stored | Outcome::Duplicate) =
                (disposition, outcome)
            {
                let (tape, offset) = self.first_like(slot);
                remembered.0[tape] |= 1 << offset;
            }
        }
        remembered
    }

    /// The first record of the same event: one name for each event.
    fn first_like(&self, slot: Slot) -> Slot {
        let event = self.log.identity(slot);
        self.log.all().find(|&other| self.log.identity(other) == event).unwrap_or(slot)
    }
}
