//! The database of the model, and the one transaction. What to insert and what became of each
//! record is decided by the store's own code; what SQL does is said again.

use store::recent::{Fingerprints, Recent};
use store::settle::{Outcome, Plan};
use store::{AppendError, Batch, Found};

use crate::decisions::Decisions;
use crate::log::{LONGEST, Log, PARTITIONS};
use crate::work::{Piece, Work};

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
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    pub(crate) progress: [Option<Progress>; PARTITIONS],
    pub(crate) accounts: [[Account; LONGEST]; PARTITIONS],
}

/// Positions whose events a connection has seen committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Remembered([u8; PARTITIONS]);

/// How a transaction is carried out.
pub(crate) struct Rules {
    pub(crate) log: Log,
    pub(crate) decisions: Decisions,
    pub(crate) fingerprints: Fingerprints,
    /// Keys that a connection remembers, at most.
    pub(crate) recent_keys: usize,
}

impl Database {
    /// Where the partition's fence stands.
    pub(crate) fn next(&self, partition: usize) -> Option<i64> {
        self.progress[partition].map(|row| row.next)
    }

    pub(crate) fn account(&self, partition: usize, offset: i64) -> Account {
        self.accounts[partition][offset as usize]
    }

    /// `INSERT … ON CONFLICT DO NOTHING`.
    pub(crate) fn begin(&mut self, partition: usize, at: i64) {
        self.progress[partition].get_or_insert(Progress { first: at, next: at, ..Progress::default() });
    }

    /// The payload of the id's row. An event's row bears the position of the record that made it.
    pub(crate) fn row(&self, log: &Log, id: char) -> Option<u8> {
        let rows = log.positions().filter(|&(p, offset)| self.account(p, offset) == Account::Once(Outcome::Stored));
        rows.filter_map(|(p, offset)| log.identity(p, offset)).find(|(of, _)| *of == id).map(|(_, payload)| payload)
    }

    /// Everything counted, in one transaction.
    fn with(&self, work: &Work, outcomes: &[Outcome]) -> Database {
        let mut after = self.clone();
        let mut rest = outcomes;
        for (p, piece) in work.parts() {
            let (mine, others) = rest.split_at(piece.offsets().count());
            rest = others;
            after.count(p, piece, mine);
            for (offset, &outcome) in piece.offsets().zip(mine) {
                if outcome != Outcome::Redelivered {
                    after.note(p, offset, outcome);
                }
            }
        }
        after
    }

    fn note(&mut self, partition: usize, offset: i64, outcome: Outcome) {
        let account = &mut self.accounts[partition][offset as usize];
        *account = if *account == Account::Open { Account::Once(outcome) } else { Account::Again };
    }

    fn count(&mut self, partition: usize, piece: Piece, outcomes: &[Outcome]) {
        let Some(row) = &mut self.progress[partition] else { return };
        let of = |outcome| outcomes.iter().filter(|one| **one == outcome).count() as i64;
        let consumed = outcomes.len() as i64 - of(Outcome::Redelivered);
        row.skipped += piece.upto - row.next - consumed;
        row.next = piece.upto;
        row.consumed += consumed;
        row.stored += of(Outcome::Stored);
        row.duplicates += of(Outcome::Duplicate);
        row.conflicts += of(Outcome::Conflict);
        row.dead_letters += of(Outcome::DeadLetter);
        row.redelivered += of(Outcome::Redelivered);
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
        let plans = (self.decisions.plan)(&batch, &self.recent(remembered), &self.fingerprints);
        self.verify_redelivered(before, work)?;
        let mut after = before.clone();
        let answered = self.insert_and_judge(&mut after, &batch, &plans)?;
        let outcomes = (self.decisions.resolve)(&plans, &answered);
        Ok((before.with(work, &outcomes), self.remember(remembered, work, (&plans, &outcomes))))
    }

    fn fence(&self, database: &Database, work: &Work) -> Result<(), AppendError> {
        let holds =
            |(p, piece): (usize, Piece)| (self.decisions.fence_holds)(piece.expected, database.next(p), work.in_doubt);
        if work.parts().all(holds) {
            return Ok(());
        }
        let found = |(p, _)| Found { partition: p as i32, next_offset: database.next(p) };
        Err(AppendError::FenceMiss(work.parts().map(found).collect()))
    }

    /// What lies below the fence must have left its trace: a row of its key, or one at its position.
    fn verify_redelivered(&self, database: &Database, work: &Work) -> Result<(), AppendError> {
        for (p, piece) in work.parts() {
            for offset in piece.offsets().filter(|offset| *offset < piece.expected) {
                let by_key = self.log.identity(p, offset).and_then(|(id, _)| database.row(&self.log, id));
                let by_position = database.account(p, offset);
                let kept = matches!(by_position, Account::Once(Outcome::Conflict | Outcome::DeadLetter));
                if by_key.is_none() && !kept {
                    return Err(AppendError::AnotherLog { partition: p as i32, offset });
                }
            }
        }
        Ok(())
    }

    /// First all insertions, then all judgements, as the store's statements do.
    fn insert_and_judge(
        &self,
        database: &mut Database,
        batch: &Batch,
        plans: &[Plan],
    ) -> Result<Vec<Outcome>, AppendError> {
        let mut answers = vec![Outcome::Stored; plans.len()];
        let mut to_judge = Vec::new();
        for ((index, (partition, _, entry)), plan) in batch.entries().enumerate().zip(plans) {
            let (p, offset) = (partition as usize, entry.offset);
            let Some((id, payload)) = self.log.identity(p, offset) else { continue };
            if !matches!(plan, Plan::Insert(_) | Plan::Judge(_)) {
                continue;
            }
            if self.log.is_poison(p, offset) {
                return Err(AppendError::Refused { code: "22P05".to_owned(), message: "unsupported".to_owned() });
            }
            let has_row = database.row(&self.log, id).is_some();
            if matches!(plan, Plan::Insert(_)) && (self.decisions.inserts)(has_row) {
                database.note(p, offset, Outcome::Stored);
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
        for (p, offset) in self.log.positions().filter(|&(p, offset)| remembered.0[p] & 1 << offset != 0) {
            if let Some(event) = self.log.event(p, offset) {
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
        (plans, outcomes): (&[Plan], &[Outcome]),
    ) -> Remembered {
        if self.recent_keys == 0 {
            return remembered;
        }
        for ((position, plan), outcome) in work.positions().zip(plans).zip(outcomes) {
            if let (Plan::Insert(_) | Plan::Judge(_), Outcome::Stored | Outcome::Duplicate) = (plan, outcome) {
                let (p, offset) = self.first_like(position);
                remembered.0[p] |= 1 << offset;
            }
        }
        remembered
    }

    /// The first position of the same event: one name for each event.
    fn first_like(&self, (p, offset): (usize, i64)) -> (usize, i64) {
        let event = self.log.identity(p, offset);
        self.log.positions().find(|&(p, offset)| self.log.identity(p, offset) == event).unwrap_or((p, offset))
    }
}
