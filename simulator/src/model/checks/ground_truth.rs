//! The log and the tables against each other: guarantee 3, record by record.

use std::collections::{BTreeSet, HashMap};

use crate::model::facts::Facts;
use crate::model::replay::{Replay, replay};
use crate::model::{Case, Check, Counts, GroundTruth, Key, Page, PlaceOf};

pub(in crate::model) fn ground_truth(case: &Case<'_>, ground_truth: &GroundTruth, facts: &Facts) -> Vec<Check> {
    let replay = replay(ground_truth);
    let nature = case.nature();
    let mut checks = vec![add_up(ground_truth), topics_as_counted(ground_truth), stored_to_the_end(ground_truth)];
    if !nature.rows_vanish {
        checks.push(rows_as_counted(ground_truth));
        checks.push(rows_as_replayed(ground_truth, &replay));
        checks.push(outcomes_as_replayed(ground_truth, &replay));
    }
    checks.push(read_independently(ground_truth));
    if !case.plan.setting.accepts_another_layout() {
        checks.push(copies_meet(&replay));
    }
    if !nature.new_incarnation {
        checks.push(acknowledged_positions(case, ground_truth, (facts, &replay)));
    }
    if !nature.group_is_tampered_with {
        checks.push(group_behind(ground_truth));
    }
    checks
}

/// Per partition, always.
fn add_up(ground_truth: &GroundTruth) -> Check {
    let against: Vec<_> = ground_truth
        .pages
        .iter()
        .filter(|page| {
            let offsets = page.next_offset - page.first_offset;
            offsets != page.consumed + page.skipped || page.consumed != page.counts.sum() || page.skipped < 0
        })
        .map(|page| format!("{page:?}"))
        .collect();
    Check::refuted_by(
        "progress that adds up",
        ground_truth.pages.len(),
        ground_truth.pages.len() - against.len(),
        against,
    )
}

/// `progress` counts what the tables hold.
fn rows_as_counted(ground_truth: &GroundTruth) -> Check {
    let count = |places: &mut dyn Iterator<Item = PlaceOf>| {
        let mut counts: HashMap<(i32, i32), i64> = HashMap::new();
        places.for_each(|place| *counts.entry((place.log_id, place.partition)).or_default() += 1);
        counts
    };
    let events = count(&mut ground_truth.rows.iter().map(|row| row.place));
    let conflicts = count(&mut ground_truth.conflicts.iter().copied());
    let dead_letters = count(&mut ground_truth.dead_letters.iter().copied());
    let mut against = Vec::new();
    for page in &ground_truth.pages {
        let of = |counts: &HashMap<(i32, i32), i64>| counts.get(&(page.log_id, page.partition)).copied().unwrap_or(0);
        let Counts { stored, conflicts: conflicting, dead_letters: dead, .. } = page.counts;
        for (table, counted, found) in [
            ("events", stored, of(&events)),
            ("conflicts", conflicting, of(&conflicts)),
            ("dead_letters", dead, of(&dead_letters)),
        ] {
            if counted != found {
                against.push(format!("{} counts {counted} {table}, there are {found}", name(page)));
            }
        }
    }
    let tables = 3 * ground_truth.pages.len();
    Check::refuted_by("tables as counted in progress", tables, tables - against.len(), against)
}

fn topics_as_counted(ground_truth: &GroundTruth) -> Check {
    let against: Vec<_> = ground_truth
        .pages
        .iter()
        .filter_map(|page| {
            let found = ground_truth.topic_counts.get(&(page.log_id, page.partition)).copied().unwrap_or_default();
            let due = Counts { dead_letters: 0, ..page.counts };
            (found != due).then(|| format!("{}: {found:?} by topic, {due:?} in progress", name(page)))
        })
        .collect();
    Check::refuted_by(
        "topic counters as in progress",
        ground_truth.pages.len(),
        ground_truth.pages.len() - against.len(),
        against,
    )
}

fn stored_to_the_end(ground_truth: &GroundTruth) -> Check {
    let next =
        |partition| ground_truth.newest_pages().find(|page| page.partition == partition).map(|page| page.next_offset);
    let against: Vec<_> = ground_truth
        .ends
        .iter()
        .filter(|ends| next(ends.partition).unwrap_or(ends.low) != ends.high)
        .map(|ends| format!("{ends:?}, stored up to {:?}", next(ends.partition)))
        .collect();
    Check::refuted_by(
        "partitions stored to their end",
        ground_truth.ends.len(),
        ground_truth.ends.len() - against.len(),
        against,
    )
}

/// Each event of the log has a row, made by the first of its records.
fn rows_as_replayed(ground_truth: &GroundTruth, replay: &Replay) -> Check {
    let events = replay.keys.len();
    Check::refuted_by(
        "log records played again: rows",
        events,
        events.saturating_sub(replay.wrong.len()),
        replay.wrong.clone(),
    )
    .also(format!("{} rows", ground_truth.rows.len()))
}

/// Each record of the log has the outcome that it must have, where none is missing.
fn outcomes_as_replayed(ground_truth: &GroundTruth, replay: &Replay) -> Check {
    let whole: Vec<_> = ground_truth.newest_pages().filter(|page| is_whole(ground_truth, page)).collect();
    let against: Vec<_> = whole
        .iter()
        .filter_map(|page| {
            let due = replay.counts.get(&page.partition).copied().unwrap_or_default();
            (due != page.counts).then(|| format!("{}: {:?}, not {due:?}", name(page), page.counts))
        })
        .collect();
    Check::refuted_by("log records played again: outcomes", whole.len(), whole.len() - against.len(), against)
}

/// Copies of an event lie in one partition, so that its order says which is the first.
fn copies_meet(replay: &Replay) -> Check {
    let mut places: HashMap<&Key, BTreeSet<i32>> = HashMap::new();
    for ((partition, _), key) in &replay.keys {
        places.entry(key).or_default().insert(*partition);
    }
    let apart = places.iter().filter(|(_, partitions)| partitions.len() > 1);
    let mut against: Vec<_> = apart
        .map(|(key, partitions)| format!("{}/{}: in partitions {partitions:?}", key.topic, key.event_id))
        .collect();
    against.sort();
    Check::refuted_by("events with all copies in one partition", places.len(), places.len() - against.len(), against)
}

/// `consumed` is the number of records that an independent consumer finds.
fn read_independently(ground_truth: &GroundTruth) -> Check {
    let mut counted = 0;
    let mut found_in_all = 0;
    let mut against = Vec::new();
    for page in ground_truth.newest_pages().filter(|page| is_whole(ground_truth, page)) {
        let span = page.first_offset..page.next_offset;
        let of_page = ground_truth.records.iter().filter(|record| record.partition == page.partition);
        let found = of_page.filter(|record| span.contains(&record.offset)).count() as i64;
        (counted, found_in_all) = (counted + page.consumed, found_in_all + found);
        if found != page.consumed {
            against.push(format!("{}: {} consumed, {found} in the log", name(page), page.consumed));
        }
    }
    Check::refuted_by("records consumed, counted in the log", found_in_all, counted, against)
}

/// Whether all that this page counts is still in the log.
fn is_whole(ground_truth: &GroundTruth, page: &Page) -> bool {
    ground_truth.ends.iter().any(|ends| ends.partition == page.partition && ends.low <= page.first_offset)
}

/// Where an answer said that a record is, it is.
fn acknowledged_positions(case: &Case<'_>, ground_truth: &GroundTruth, (facts, replay): (&Facts, &Replay)) -> Check {
    let mut told = 0;
    let mut against = Vec::new();
    for (event, said) in &facts.told {
        let Some((partition, offset)) = said.position else {
            continue;
        };
        if ground_truth.ends.iter().any(|ends| ends.partition == partition && offset < ends.low) {
            continue;
        }
        told += 1;
        let key =
            Key { topic: case.plan.topic_of(*event).to_owned(), event_id: case.plan.events[*event].event_id.clone() };
        if replay.keys.get(&(partition, offset)) != Some(&key) {
            against.push(format!("{partition}/{offset}: {}/{} is not there", key.topic, key.event_id));
        }
    }
    Check::refuted_by("told positions found in the log", told, told - against.len(), against)
}

/// The group's offsets may lag behind what is stored, never lead.
fn group_behind(ground_truth: &GroundTruth) -> Check {
    let at_the_end = ground_truth
        .committed
        .iter()
        .filter(|(partition, offset)| {
            ground_truth.newest_pages().all(|page| page.partition != *partition || page.next_offset < *offset)
        })
        .map(|(partition, offset)| format!("partition {partition}: the group is at {offset}"));
    let against: Vec<_> = ground_truth.ahead.iter().cloned().chain(at_the_end).collect();
    Check::refuted_by("group offsets beyond what is stored", 0, against.len(), against)
}

fn name(page: &Page) -> String {
    format!("log {} partition {}", page.log_id, page.partition)
}
