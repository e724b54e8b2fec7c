//! Decisions that are wrong in one point each. The checker must find every one of them out, or its
//! silence about the real ones would mean nothing.

use consumer::policy::{self, Arrival, Next, Seen, Start};
use store::dedup::{self, Disposition, Outcome};
use store::{AppendError, Witness};

use crate::breaks;
use crate::decisions::{Decisions, Habit, REAL};
use crate::ends::every_run_ends;
use crate::model::{Kind, Protocol, Scenario};
use crate::properties::{EACH_ONCE, NEVER_BEYOND, NOTHING_LEFT, ONE_ROW, SAME_LOG, SUMS, VERDICTS};
use crate::scenarios::{BAD_LUCK, CUT, CUT_EMPTY, CUT_SUSPECTED, CUT_UNSEEN, EVERYTHING, GAPS, LIES, MEMORY, POISON};

const SMALL: Scenario = Scenario { strikes: 2, faults: EVERYTHING, ..BAD_LUCK };

/// Believes of every batch that it is whole.
const UNCHECKED: Decisions = Decisions { is_whole: |_, _| true, ..REAL };

#[test]
fn a_start_from_the_groups_offset_alone() {
    let start = |known: policy::Known| match (policy::start(known), known.committed) {
        (Start::Resume { next, .. }, Some(at)) => Start::Resume { at, next, witness: None, suspected: None },
        (start, _) => start,
    };
    breaks(Decisions { start, ..UNCHECKED }, SMALL, EACH_ONCE);
}

#[test]
fn a_new_database_that_begins_at_the_groups_offset() {
    let start = |known: policy::Known| match (policy::start(known), known.committed) {
        (Start::Begin { .. }, Some(at)) => Start::Begin { at },
        (start, _) => start,
    };
    breaks(Decisions { start, ..REAL }, SMALL, EACH_ONCE);
}

/// The second look makes it rarer, not right: here it would take a log that grows twice.
#[test]
fn a_start_that_reads_the_watermarks_before_progress() {
    let habit = Some(Habit::AsksTheBrokerFirst);
    breaks(Decisions { start: short_at_the_first_look, habit, ..REAL }, GAPS, SAME_LOG);
}

fn short_at_the_first_look(known: policy::Known) -> Start {
    match policy::start(known) {
        Start::LookAgain(Seen::Short { .. }) => Start::AnotherLog,
        start => start,
    }
}

#[test]
fn a_log_that_is_believed_to_be_cut_at_the_first_look() {
    breaks(Decisions { start: short_at_the_first_look, ..REAL }, LIES, SAME_LOG);
}

#[test]
fn a_log_that_is_believed_to_be_trimmed_at_the_first_look() {
    let start = |known: policy::Known| match (policy::start(known), known.next) {
        (Start::LookAgain(Seen::Trimmed { .. }), Some(next)) => Start::Trimmed { next, low: known.low },
        (start, _) => start,
    };
    breaks(Decisions { start, ..REAL }, LIES, EACH_ONCE);
}

#[test]
fn a_gap_that_is_believed_at_once() {
    let record = |detector: &mut consumer::reading::gap_detector::GapDetector, offset, is_same| match detector
        .record(offset, is_same)
    {
        Arrival::ReadAgain { .. } => detector.record(offset, is_same),
        arrival => arrival,
    };
    breaks(Decisions { record, ..REAL }, GAPS, EACH_ONCE);
}

#[test]
fn a_gap_that_drops_what_was_taken_in_before_it() {
    breaks(Decisions { habit: Some(Habit::DropsBeforeGap), ..UNCHECKED }, GAPS, EACH_ONCE);
}

#[test]
fn drift_that_nobody_notices() {
    breaks(Decisions { has_drifted: |_, _| false, ..REAL }, SMALL, NOTHING_LEFT);
}

#[test]
fn a_fence_that_stops_nobody() {
    breaks(Decisions { fence_holds: |_, _, _| true, ..REAL }, SMALL, EACH_ONCE);
    breaks(Decisions { fence_holds: |_, _, _| true, ..REAL }, SMALL, SUMS);
}

#[test]
fn a_fence_miss_taken_for_success() {
    let after = |failure: &AppendError, moves: &[policy::Move], records, in_doubt| match failure {
        AppendError::FenceMiss(_) => Next::Committed,
        _ => policy::after(failure, moves, records, in_doubt),
    };
    breaks(Decisions { after, ..REAL }, SMALL, NEVER_BEYOND);
}

#[test]
fn a_fence_miss_that_brings_the_same_batch_again() {
    let after = |failure: &AppendError, moves: &[policy::Move], records, in_doubt| match failure {
        AppendError::FenceMiss(_) => Next::Again,
        _ => policy::after(failure, moves, records, in_doubt),
    };
    let model = Protocol::new(Scenario { strikes: 1, ..SMALL }, Decisions { after, ..REAL });
    assert!(every_run_ends(&model).is_err(), "it can go on for ever");
}

#[test]
fn an_unanswered_commit_taken_for_success() {
    let after = |failure: &AppendError, moves: &[policy::Move], records, in_doubt| match failure {
        AppendError::Unknown(_) => Next::Committed,
        _ => policy::after(failure, moves, records, in_doubt),
    };
    breaks(Decisions { after, ..REAL }, SMALL, NEVER_BEYOND);
}

#[test]
fn an_unanswered_commit_taken_for_failure() {
    let fence_holds = |expected, found, in_doubt| in_doubt || found == Some(expected);
    breaks(Decisions { fence_holds, ..REAL }, SMALL, EACH_ONCE);
}

#[test]
fn progress_that_moves_one_too_far() {
    breaks(Decisions { end_offset: |cursor, expected| cursor.max(expected) + 1, ..UNCHECKED }, SMALL, EACH_ONCE);
}

#[test]
fn progress_that_moves_one_too_little() {
    breaks(Decisions { end_offset: |cursor, expected| (cursor - 1).max(expected), ..UNCHECKED }, SMALL, EACH_ONCE);
}

#[test]
fn progress_that_follows_redelivered_records_back() {
    breaks(Decisions { end_offset: |cursor, _| cursor, ..UNCHECKED }, SMALL, EACH_ONCE);
}

#[test]
fn redelivered_records_counted_as_duplicates() {
    let resolve = |dispositions: &[Disposition], answered: &[Outcome]| {
        let outcomes = dedup::resolve(dispositions, answered).into_iter();
        outcomes.map(|outcome| if outcome == Outcome::Redelivered { Outcome::Duplicate } else { outcome }).collect()
    };
    breaks(Decisions { resolve, ..REAL }, SMALL, EACH_ONCE);
    breaks(Decisions { resolve, ..REAL }, SMALL, SUMS);
}

#[test]
fn conflicts_counted_as_duplicates() {
    let resolve = |dispositions: &[Disposition], answered: &[Outcome]| {
        let outcomes = dedup::resolve(dispositions, answered).into_iter();
        outcomes.map(|outcome| if outcome == Outcome::Conflict { Outcome::Duplicate } else { outcome }).collect()
    };
    breaks(Decisions { resolve, ..REAL }, SMALL, VERDICTS);
}

#[test]
fn a_table_without_a_unique_key() {
    breaks(Decisions { inserts: |_| true, ..REAL }, SMALL, ONE_ROW);
}

#[test]
fn a_refused_record_that_is_passed_over() {
    let after = |failure: &AppendError, moves: &[policy::Move], records, in_doubt| match failure {
        AppendError::Refused { .. } => Next::Committed,
        _ => policy::after(failure, moves, records, in_doubt),
    };
    breaks(Decisions { after, ..REAL }, POISON, NEVER_BEYOND);
}

#[test]
fn recent_keys_that_outlive_their_connection() {
    breaks(Decisions { habit: Some(Habit::KeepsKeys), ..REAL }, MEMORY, VERDICTS);
}

#[test]
fn a_group_that_is_told_before_the_database() {
    breaks(Decisions { habit: Some(Habit::TellsFirst), ..REAL }, SMALL, NEVER_BEYOND);
}

/// Where nothing else goes wrong.
fn only_cut(scenario: Scenario) -> Scenario {
    Scenario { faults: &[Kind::Cut], strikes: 1, ..scenario }
}

#[test]
fn a_start_that_does_not_read_the_last_record_again() {
    let start = |known: policy::Known| policy::start(policy::Known { witness: None, ..known });
    breaks(Decisions { start, ..REAL }, only_cut(CUT), NOTHING_LEFT);
}

#[test]
fn a_last_record_that_is_known_by_half_of_what_it_is() {
    breaks(Decisions { is_same_record: |kept, found| kept.hash == found.hash, ..REAL }, only_cut(CUT), NOTHING_LEFT);
    let is_same_record = |kept: &Witness, found: &Witness| kept.leader_epoch == found.leader_epoch;
    breaks(
        Decisions { is_same_record, ..REAL },
        Scenario { faults: &[Kind::Crash, Kind::Cut], ..CUT_UNSEEN },
        NOTHING_LEFT,
    );
}

#[test]
fn a_start_that_passes_over_what_was_empty() {
    let start = |known: policy::Known| policy::start(policy::Known { first: None, ..known });
    let falls_asleep = Scenario { strikes: 2, ..CUT_EMPTY };
    breaks(Decisions { start, ..REAL }, falls_asleep, NOTHING_LEFT);
    breaks(Decisions { vouches: |_, _| true, ..REAL }, falls_asleep, NOTHING_LEFT);
}

#[test]
fn a_suspicion_that_nobody_looks_into() {
    breaks(Decisions { habit: Some(Habit::IgnoresSuspicions), ..REAL }, only_cut(CUT_SUSPECTED), NOTHING_LEFT);
}

#[test]
fn a_last_record_that_vouches_for_what_is_suspected() {
    breaks(Decisions { vouches: |_, _| true, ..REAL }, only_cut(CUT_SUSPECTED), NOTHING_LEFT);
}
