//! Log and tables that contradict each other have to be refused, each for its own
//! reason.

use std::collections::BTreeMap;

use super::right_server::RightServer;
use super::{plan, violated};
use crate::model::{Attacked, Check, GroundTruth, LogRecord, Page};
use crate::plan::{ACCEPT_LAYOUT_CHANGE, Attack, DatabaseFault, Expect, Fault, Injection, LogFault, Offsets, When};

fn judged(change: impl FnOnce(&mut RightServer)) -> Vec<Check> {
    let mut world = RightServer::play(plan());
    world.open_books();
    change(&mut world);
    world.judge()
}

fn refused(change: impl FnOnce(&mut GroundTruth)) -> Vec<&'static str> {
    violated(&judged(|world| change(world.ground_truth())))
}

fn injection(fault: Fault) -> Injection {
    Injection { when: When::Answered(0), fault }
}

fn first(ground_truth: &mut GroundTruth) -> &mut Page {
    &mut ground_truth.pages[0]
}

#[test]
fn right_books_are_accepted() {
    assert_eq!(violated(&judged(|_| {})), Vec::<&str>::new());
}

#[test]
fn an_acknowledged_record_that_has_vanished_from_the_log() {
    let found = refused(|ground_truth| {
        ground_truth.records.remove(5);
    });

    assert!(found.contains(&"told positions found in the log"), "{found:?}");
    assert!(found.contains(&"records consumed, counted in the log"), "{found:?}");
}

#[test]
fn a_record_of_the_log_without_a_row() {
    let found = refused(|ground_truth| {
        let row = ground_truth.rows.remove(7);
        let page = ground_truth.pages.iter_mut().find(|page| page.partition == row.place.partition).unwrap();
        page.counts.stored -= 1;
        page.counts.duplicates += 1;
    });

    assert!(found.contains(&"log records played again: rows"), "{found:?}");
}

#[test]
fn a_row_made_by_a_later_copy() {
    let found = refused(|ground_truth| {
        let repeated = ground_truth.rows.iter().position(|row| {
            let copies = ground_truth.records.iter().filter(|record| {
                let value = String::from_utf8_lossy(record.value.as_ref().unwrap()).into_owned();
                value.contains(&format!("{:?}", row.key.event_id))
            });
            copies.count() > 1
        });
        let row = &mut ground_truth.rows[repeated.unwrap()];
        let id = format!("{:?}", row.key.event_id);
        let later = ground_truth
            .records
            .iter()
            .rfind(|record| String::from_utf8_lossy(record.value.as_ref().unwrap()).contains(&id));
        row.place.offset = later.unwrap().offset;
    });

    assert_eq!(found, ["log records played again: rows"]);
}

#[test]
fn a_row_whose_record_is_another_event() {
    let found = refused(|ground_truth| ground_truth.rows[3].place.offset = 100_000);

    assert!(found.contains(&"log records played again: rows"), "{found:?}");
}

#[test]
fn a_conflict_counted_as_a_duplicate() {
    let found = refused(|ground_truth| {
        let json = |payload| {
            format!(
                r#"{{"topic":"t","event_id":"1","timestamp":"2025-01-01T00:00:00Z","source":"s","payload":{payload}}}"#
            )
        };
        for (offset, payload) in
            [(ground_truth.ends[0].high, r#"{"a":1}"#), (ground_truth.ends[0].high + 1, r#"{"a":2}"#)]
        {
            let value = Some(json(payload).into_bytes());
            ground_truth.records.push(LogRecord { partition: ground_truth.ends[0].partition, offset, value });
        }
        ground_truth.ends[0].high += 2;
        let page = first(ground_truth);
        (page.next_offset, page.consumed) = (page.next_offset + 2, page.consumed + 2);
        page.counts.stored += 1;
        page.counts.duplicates += 1;
    });

    assert!(found.contains(&"log records played again: outcomes"), "{found:?}");
}

#[test]
fn progress_that_does_not_add_up() {
    assert!(refused(|ground_truth| first(ground_truth).consumed += 1).contains(&"progress that adds up"));
    assert!(refused(|ground_truth| first(ground_truth).next_offset += 1).contains(&"progress that adds up"));
    assert!(refused(|ground_truth| first(ground_truth).counts.duplicates += 1).contains(&"progress that adds up"));
}

#[test]
fn a_redelivered_record_counted_as_a_duplicate() {
    let found = refused(|ground_truth| {
        let page = first(ground_truth);
        page.counts.duplicates += 1;
        page.consumed += 1;
        page.skipped -= 1;
    });

    assert!(found.contains(&"records consumed, counted in the log"), "{found:?}");
    assert!(found.contains(&"log records played again: outcomes"), "{found:?}");
}

#[test]
fn tables_and_topic_counters_that_differ_from_progress() {
    assert!(refused(|ground_truth| drop(ground_truth.rows.pop())).contains(&"tables as counted in progress"));
    let found = refused(|ground_truth| ground_truth.topic_counts.values_mut().next().unwrap().stored += 1);
    assert_eq!(found, ["topic counters as in progress"]);
}

#[test]
fn a_partition_that_is_not_stored_to_its_end() {
    assert_eq!(refused(|ground_truth| ground_truth.ends[0].high += 1), ["partitions stored to their end"]);
}

#[test]
fn copies_that_lie_apart_unless_that_is_accepted() {
    const CLAIM: &str = "events with all copies in one partition";
    let apart = |accepted: bool| {
        violated(&judged(|world| {
            if accepted {
                world.plan.setting.variables.push((ACCEPT_LAYOUT_CHANGE, "true".to_owned()));
            }
            let ground_truth = world.ground_truth();
            let mut copy = ground_truth.records[0].clone();
            let elsewhere = ground_truth.ends.iter_mut().find(|ends| ends.partition != copy.partition).unwrap();
            (copy.partition, copy.offset) = (elsewhere.partition, elsewhere.high);
            elsewhere.high += 1;
            ground_truth.records.push(copy);
        }))
    };

    assert!(apart(false).contains(&CLAIM));
    assert!(!apart(true).contains(&CLAIM));
}

#[test]
fn a_group_that_leads_unless_it_was_tampered_with() {
    assert_eq!(refused(|ground_truth| ground_truth.committed[0].1 += 1), ["group offsets beyond what is stored"]);
    let ahead = || "partition 0: the group was at 9, stored up to 5".to_owned();
    assert_eq!(refused(|ground_truth| ground_truth.ahead.push(ahead())), ["group offsets beyond what is stored"]);
    let tampered = judged(|world| {
        world.ground_truth().committed[0].1 += 1;
        world.plan.injections.push(injection(Fault::Group(Offsets::End)));
    });
    assert_eq!(violated(&tampered), Vec::<&str>::new());
}

#[test]
fn counters_that_differ_from_log_and_database() {
    let checks = judged(|world| world.observed.stats.last_mut().unwrap().redelivered += 1);

    assert_eq!(violated(&checks), ["/stats figures as in log and database"]);
}

#[test]
fn counters_may_go_back_only_with_the_database() {
    let back = |injections: Vec<Injection>| {
        violated(&judged(|world| {
            let higher = world.observed.stats.last().unwrap().redelivered + 1;
            world.observed.stats[0].redelivered = higher;
            world.plan.injections = injections;
        }))
    };

    assert_eq!(back(Vec::new()), ["counters that went back"]);
    assert_eq!(back(vec![injection(Fault::Database(DatabaseFault::Restore))]), Vec::<&str>::new());
}

/// Takes away the row of an id that was sent so often; its first record is trimmed or not.
fn without_a_row(sent: usize, trimmed: bool) -> Vec<&'static str> {
    violated(&judged(|world| {
        let copies = |id| {
            let events = world.plan.requests.iter().flat_map(|request| request.content.events());
            events.filter(|event| world.ledger.id_of(**event) == id).count()
        };
        let index = world.observed.rows.iter().position(|row| copies(row.id) == sent).unwrap();
        let row = world.observed.rows.remove(index);
        if trimmed {
            let (partition, offset) = row.position;
            world.ground_truth().trimmed = vec![(partition, offset, offset + 1)];
        }
    }))
}

#[test]
fn what_retention_took_unread_may_be_missing_and_nothing_else() {
    assert!(without_a_row(1, false).contains(&"acknowledged events there"));
    assert!(!without_a_row(1, true).contains(&"acknowledged events there"));
    assert!(without_a_row(2, true).contains(&"acknowledged events there"), "its other copy had to be stored");
}

#[test]
fn what_a_service_does_that_it_should_not() {
    let found = refused(|ground_truth| {
        ground_truth.disorder.push("consumer 0 did not stop".to_owned());
        ground_truth.printed.push_str("thread 'main' panicked at src/x.rs:1:1");
        ground_truth.peak_memory = 1 << 30;
    });

    let expected = ["processes that ended in disorder", "panics in the services' logs", "largest memory of a service"];
    assert_eq!(found, expected);
}

#[test]
fn a_fault_that_has_not_struck() {
    let struck = |expect: Expect| violated(&judged(|world| world.plan.expects.push(expect)));

    assert_eq!(struck(Expect::Redelivered), ["records redelivered"]);
    assert_eq!(struck(Expect::Skipped), ["offsets skipped"]);
    assert_eq!(struck(Expect::SentAgain), ["requests sent again"]);
    assert_eq!(struck(Expect::DeadLetters(1)), ["dead letters"]);
    assert_eq!(struck(Expect::Incarnations(2)), ["incarnations of the log"]);
    assert_eq!(struck(Expect::RefusedBeside(1)), ["consumers on a copy that were refused"]);
    assert_eq!(struck(Expect::ItsCopyKept), ["the database keeps that it is worked with"]);
    assert_eq!(struck(Expect::Said("alarm")), ["lines in which a service says so"]);
    assert_eq!(struck(Expect::Incarnations(1)), Vec::<&str>::new());
}

#[test]
fn partitions_that_suffer_from_what_is_wrong_with_another() {
    let judged_with = |expect: Expect, change: fn(&mut GroundTruth)| {
        violated(&judged(|world| {
            world.plan.expects.push(expect);
            change(world.ground_truth());
        }))
    };
    let slow = ["records/s of the partitions that nothing is wrong with"];
    assert_eq!(judged_with(Expect::Pace, |_| {}), slow, "never measured");
    assert_eq!(judged_with(Expect::Pace, |ground_truth| ground_truth.paces = vec![100.0, 49.0]), slow);
    assert_eq!(judged_with(Expect::Pace, |ground_truth| ground_truth.paces = vec![100.0, 51.0]), Vec::<&str>::new());

    let again = "records redelivered of the partitions that nothing is wrong with";
    let read_again: fn(&mut GroundTruth) = |ground_truth| first(ground_truth).redelivered = 1_000;
    let place = |world: &mut RightServer| world.ground_truth().pages[0].partition;
    let mut of_the_first = 0;
    judged(|world| of_the_first = place(world));
    let expect = |but| Expect::ReadOnce { but };
    assert!(judged_with(expect(of_the_first + 1), read_again).contains(&again));
    assert!(!judged_with(expect(of_the_first), read_again).contains(&again));
}

#[test]
fn positions_mean_nothing_across_two_lives_of_the_log() {
    let checks = judged(|world| world.plan.injections.push(injection(Fault::Log(LogFault::Recreate))));

    assert!(checks.iter().all(|check| check.what != "told positions found in the log"));
}

#[test]
fn a_partition_said_to_stand_still_has_to_be_one_that_is_held() {
    const FALSELY: &str = "partitions falsely said to stand still";
    const HELD: &str = "a partition that stood still, said to";
    let judged_with = |expects: &[Expect], printed: &str| {
        violated(&judged(|world| {
            world.plan.expects.extend_from_slice(expects);
            world.ground_truth().printed.push_str(printed);
        }))
    };
    let consumer = "ERROR consumer: partition 1 stands still at offset 7: nobody may read it\n";
    let (api, end) = (consumer.replace("ERROR", "WARN"), "INFO consumer: partition 1 goes on\n");
    let held = [Expect::Stalled { partition: 1, why: "nobody may" }];

    assert_eq!(judged_with(&[], consumer), [FALSELY]);
    assert_eq!(judged_with(&[], end), Vec::<&str>::new());
    assert_eq!(judged_with(&held, &[consumer, &api, end].concat()), Vec::<&str>::new());
    for untold in [[consumer, &api].concat(), [consumer, end].concat(), [api.as_str(), end].concat()] {
        assert_eq!(judged_with(&held, &untold), [HELD]);
    }
    let another_reason = [Expect::Stalled { partition: 1, why: "a batch" }];
    assert_eq!(judged_with(&another_reason, &[consumer, &api, end].concat()), [HELD]);
    let other = consumer.replace("partition 1", "partition 11");
    assert_eq!(judged_with(&held, &[consumer, &api, end, &other].concat()), [FALSELY]);
}

#[test]
fn what_lies_behind_a_transaction_has_to_be_told_apart() {
    let judged_with = |pending: i64, behind: i64| {
        violated(&judged(|world| {
            world.plan.expects.push(Expect::BehindTransaction);
            let mut stats = *world.observed.stats.last().unwrap();
            let more = pending - stats.pending.unwrap();
            (stats.pending, stats.received) = (Some(pending), stats.received + more);
            stats.behind_open_transactions = behind;
            let last = world.observed.stats.len() - 1;
            world.observed.stats.insert(last, stats);
        }))
    };
    let apart = "answers that tell what is behind a transaction from what is pending";
    assert!(judged_with(5, 0).contains(&apart));
    assert!(judged_with(5, 5).contains(&apart));
    assert_eq!(judged_with(0, 5), Vec::<&str>::new());
}

/// A plan whose second half is sent beside attackers.
fn under_attack(change: impl FnOnce(&mut RightServer)) -> Vec<&'static str> {
    violated(&judged(|world| {
        let half = world.plan.requests.len() / 2;
        world.plan.requests[half..].iter_mut().for_each(|request| request.phase = 1);
        world.plan.injections = vec![Injection { when: When::Before(1), fault: Fault::Attack(Attack::EndlessBodies) }];
        let attack = Attack::EndlessBodies;
        world.ground_truth().attacked =
            vec![Attacked { attack, done: 8, server_errors: BTreeMap::new(), peaks: BTreeMap::new() }];
        change(world);
    }))
}

#[test]
fn an_honest_client_that_was_refused_beside_attackers() {
    assert_eq!(under_attack(|_| {}), Vec::<&str>::new());
    assert_eq!(under_attack(|world| world.history.requests[0].attempts = 2), Vec::<&str>::new(), "it was quiet");
    let found = under_attack(|world| world.history.requests.last_mut().unwrap().attempts = 2);
    assert_eq!(found, ["honest requests refused beside attackers"]);
}

#[test]
fn an_attack_that_did_nothing_proves_nothing() {
    assert_eq!(under_attack(|world| world.ground_truth().attacked[0].done = 0), ["attacks that came about"]);
    assert_eq!(under_attack(|world| world.ground_truth().attacked.clear()), ["attacks that came about"]);
}

#[test]
fn a_server_that_is_at_fault_before_an_attacker() {
    let found = under_attack(|world| {
        world.ground_truth().attacked[0].server_errors.insert("503 to /topics".to_owned(), 7);
    });
    assert_eq!(found, ["attackers answered with 5xx"]);
}
