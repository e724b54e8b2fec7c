//! The protocol, explored in every order of events: two consumers, two partitions, a few records,
//! and everything that can go wrong, two or three times in a run.
//!
//! What is checked is the product's own code wherever something is decided: `consumer::policy`,
//! `consumer::partitions::Partitions` with all that it owns, `store::dedup`, `store::recent` and
//! `Batch::halve`. What SQL and the shell around the decisions do is said again here, as briefly as it goes.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`scenarios`] | what there is to read, and what may go wrong |
//! | [`properties`] | the guarantees, as predicates on a state |
//! | [`sometimes`] | what each scenario must get to see |
//! | [`broken`] | wrong decisions, each of which must be found out |
//! | [`model`], [`actions`], [`steps`] | a state, what can happen in it, what follows |
//! | [`incarnations`] | what becomes of a log that loses its end |
//! | [`process`], [`fetching`], [`work`], [`database`], [`log`] | the parts of a state |
//! | [`decisions`] | the decisions, exchangeable |
//! | [`ends`] | whether every run ends |
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actions;
mod broken;
mod database;
mod decisions;
mod ends;
mod fetching;
mod incarnations;
mod log;
mod model;
mod process;
mod properties;
mod scenarios;
mod sometimes;
mod steps;
mod work;

use std::io::Write;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::decisions::{Decisions, REAL};
use crate::model::{By, Protocol, Scenario};
use crate::scenarios::{
    BAD_LUCK, COPIES, CUT, CUT_EMPTY, CUT_MARKER, CUT_SUSPECTED, CUT_UNSEEN, GAPS, LIES, MEMORY, POISON, RETENTION,
    SUSPICION,
};

#[test]
fn copies_and_conflicts_are_stored_once_whatever_goes_wrong_twice() {
    holds("copies", COPIES);
}

#[test]
fn it_holds_when_three_things_go_wrong() {
    holds("bad luck", BAD_LUCK);
}

#[test]
fn offsets_without_records_are_skipped_and_no_record_is() {
    holds("gaps", GAPS);
}

#[test]
fn a_batch_with_a_refused_record_is_stored_in_parts_and_the_record_kept() {
    holds("poison", POISON);
}

#[test]
fn the_cache_of_recent_keys_never_decides_what_the_database_would_not() {
    holds("memory", MEMORY);
}

#[test]
fn only_what_retention_has_deleted_is_lost_and_it_is_counted() {
    holds("retention", RETENTION);
}

#[test]
fn a_log_that_was_cut_and_filled_anew_is_read_anew_and_no_record_of_it_is_left_out() {
    holds("cut", CUT);
    holds("cut marker", CUT_MARKER);
    holds("cut empty", CUT_EMPTY);
    holds("cut unseen", CUT_UNSEEN);
}

#[test]
fn what_no_client_notices_is_read_anew_when_an_api_suspects_it() {
    holds("cut suspected", CUT_SUSPECTED);
}

#[test]
fn a_suspicion_without_a_reason_changes_nothing() {
    holds("suspicion", SUSPICION);
}

#[test]
fn a_broker_that_says_once_what_is_not_true_neither_loses_a_record_nor_opens_a_life() {
    holds("lies", LIES);
}

/// With [`properties::NOTHING_LEFT`]: however the steps fall, every record is stored in the end.
#[test]
fn every_run_comes_to_an_end() {
    for scenario in [
        COPIES,
        GAPS,
        POISON,
        MEMORY,
        RETENTION,
        CUT,
        CUT_MARKER,
        CUT_EMPTY,
        CUT_UNSEEN,
        CUT_SUSPECTED,
        SUSPICION,
        LIES,
    ] {
        ends(Scenario { strikes: 1, ..scenario });
    }
    ends(Scenario { strikes: 2, ..BAD_LUCK });
}

#[test]
fn the_scenarios_see_what_they_are_about() {
    use crate::sometimes::{
        BEHIND, BLOCKED, CONFLICT, DEAD_LETTER, DOUBT_REPEATED, DOUBT_RESOLVED, GROUP_BEYOND, HALVES, LOOKED_AGAIN,
        LOST, NEXT_INCARNATION, OVERTAKEN, REDELIVERED, SKIPPED, SUSPECTED, TRIMMED, ZOMBIE,
    };
    sees(COPIES, &[ZOMBIE, OVERTAKEN, BEHIND, REDELIVERED, GROUP_BEYOND, CONFLICT]);
    sees(COPIES, &[DOUBT_RESOLVED, DOUBT_REPEATED, BLOCKED]);
    sees(GAPS, &[SKIPPED, OVERTAKEN, BEHIND]);
    sees(POISON, &[DEAD_LETTER, HALVES, DOUBT_RESOLVED]);
    sees(MEMORY, &[OVERTAKEN, BEHIND]);
    sees(RETENTION, &[TRIMMED, SKIPPED]);
    sees(CUT, &[LOST, NEXT_INCARNATION]);
    sees(CUT_MARKER, &[LOST, NEXT_INCARNATION]);
    sees(CUT_UNSEEN, &[LOST, NEXT_INCARNATION]);
    sees(CUT_SUSPECTED, &[LOST, NEXT_INCARNATION]);
    sees(SUSPICION, &[SUSPECTED, REDELIVERED]);
    sees_after(2, LIES, &[LOOKED_AGAIN, TRIMMED]);
}

/// Visits every state, and says how many there were.
fn holds(name: &str, scenario: Scenario) {
    let began = Instant::now();
    let checker = Protocol::new(scenario, REAL).checker().threads(2).spawn_dfs().join();
    let states = checker.unique_state_count();
    // Past the capture of the test's output: how much was explored is a part of the result.
    let line = format!("protocol: {name}: {states} states in {:.1?}\n", began.elapsed());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    checker.assert_properties();
}

fn ends(scenario: Scenario) {
    if let Err(circle) = ends::every_run_ends(&Protocol::new(scenario, REAL)) {
        panic!("this can go on for ever: {circle:#?}");
    }
}

fn sees(scenario: Scenario, names: &[&'static str]) {
    // Where nobody reads what is cut, somebody has to fall asleep first.
    let strikes = if scenario.noticed_by == By::Nobody { 2 } else { 1 };
    sees_after(strikes, scenario, names);
}

fn sees_after(strikes: u8, scenario: Scenario, names: &[&'static str]) {
    let model = Protocol { checks_sometimes: true, ..Protocol::new(Scenario { strikes, ..scenario }, REAL) };
    let wanted = HasDiscoveries::AllOf(names.iter().copied().collect());
    let checker = model.checker().threads(2).finish_when(wanted).spawn_bfs().join();
    for name in names {
        assert!(checker.discovery(name).is_some(), "never seen: {name}");
    }
}

/// The checker finds a way to break the property, with these decisions.
fn breaks(decisions: Decisions, scenario: Scenario, property: &'static str) {
    let wanted = HasDiscoveries::AnyOf([property].into());
    let checker = Protocol::new(scenario, decisions).checker().threads(2).finish_when(wanted).spawn_bfs().join();
    assert!(checker.discovery(property).is_some(), "not found out: {property}");
}
